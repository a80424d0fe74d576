import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Connection,
  framed,
  GenericError,
  LineCodec,
  relay,
  type RelayOptions,
} from "../../mod.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { connectedPair, reset, scriptedTransport, silence } from "../../testing/mod.ts";
import { relayedPeers } from "../support/relayed.ts";
import { arrivingConnection, scriptedConnection } from "../support/scripted_connection.ts";

const decoder = new TextDecoder();

/** All that comes. */
async function heard(connection: Connection): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const bytes of connection) pieces.push(bytes);
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

function random(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

for (const canTry of [false, true]) {
  const how = canTry ? "without promises" : "with promises";

  Deno.test(`relay() passes bytes on both ways, and each end alone, ${how}`, async () => {
    const options = { idleTimeoutInMillis: 1_000 };
    const { caller, target, a, b, report, clock } = relayedPeers(options, { canTry });
    await caller.write("question");
    await caller.shutdownWrite();
    assertEquals(decoder.decode(await heard(target)), "question");
    await target.write("answer");
    await target.shutdownWrite();
    assertEquals(decoder.decode(await heard(caller)), "answer");
    const end = { by: "peer", durationInMillis: 0 } as const;
    assertEquals(await report, { there: 8, back: 6, end });
    assert(Object.isFrozen(await report));
    assertEquals(await Promise.all([a.closed, b.closed]), [undefined, undefined]);
    await Promise.all([caller.close(), target.close()]);
    assertEquals(clock.pending, 0);
  });

  Deno.test(`relay() carries a megabyte each way, however slowly it is read, ${how}`, async () => {
    const { caller, target, a, b, report } = relayedPeers({}, { canTry, maxQueuedBytes: 70_000 });
    const [there, back] = [random(1_000_000), random(1_000_000)];
    const sending = [[caller, there] as const, [target, back] as const].map(async ([to, bytes]) => {
      await to.write(bytes);
      await to.shutdownWrite();
    });
    let most = 0;
    const slowly = async (from: Connection) => {
      const pieces: Uint8Array[] = [];
      for (let piece = await from.read(); piece[1] >= 0; piece = await from.read(70_001)) {
        pieces.push(piece[0]);
        most = Math.max(most, a.queuedBytes, b.queuedBytes);
      }
      return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
    };
    const [back1, there1] = await Promise.all([slowly(caller), slowly(target)]);
    await Promise.all(sending);
    assert(there1.every((byte, i) => byte === there[i]) && there1.length === there.length);
    assert(back1.every((byte, i) => byte === back[i]) && back1.length === back.length);
    assert(most <= 65_536, `${most} bytes were queued`);
    const { end, ...counts } = await report;
    assertEquals([counts, end.by], [{ there: 1_000_000, back: 1_000_000 }, "peer"]);
    await Promise.all([caller.close(), target.close()]);
  });
}

Deno.test("relay() passes on first what was read and not taken, after what was written", async () => {
  await using left = connectedPair({ maxQueuedBytes: 10 });
  await using right = connectedPair({ maxQueuedBytes: 10, capacity: 4 });
  const [[caller, a], [b, target]] = [left, right];
  await caller.write("HELLO\nunread");
  assertEquals(await a.readLine(), "HELLO");
  const header = b.write("header: a\n");
  const report = relay(a, b);
  await caller.shutdownWrite();
  assertEquals(decoder.decode(await heard(target)), "header: a\nunread");
  assertEquals(await header, 10);
  await target.shutdownWrite();
  assertEquals((await report).there, 6);
});

Deno.test("relay() takes connections that have ended, with what they had got", async () => {
  const { connection: broken } = scriptedConnection(["unread", reset()]);
  await broken.peek(6);
  await assertRejects(() => broken.read(7), GenericError);
  const [aborted] = connectedPair();
  aborted.abort();
  for (const [dead, there, by] of [[broken, 6, "error"], [aborted, 0, "local"]] as const) {
    await using pair = connectedPair();
    const report = await relay(dead, pair[0]);
    assertEquals([report.there, report.end.by], [there, by]);
    assertEquals(report.end.error, await dead.closed);
    // The other one is cut.
    assertEquals((await assertRejects(() => pair[1].read(), GenericError)).code, "broken");
  }
});

Deno.test("relay() refuses what it cannot relay, and harms nothing", async () => {
  await using pair = connectedPair();
  const [a, b] = pair;
  const wrong = async (says: string, ...args: unknown[]) => {
    const call = (relay as (...args: unknown[]) => Promise<unknown>)(...args);
    await assertRejects(() => call, Error, says);
  };
  await wrong("a must be a Connection: got 1", 1, b);
  await wrong("b must be a Connection: got undefined", a);
  await wrong("give the connection of what is framed", framed(a, new LineCodec()), b);
  await wrong("a and b must be two connections", a, a);
  await wrong('options has no option "idleTimeoutInMilli": use idleTimeoutInMillis', a, b, {
    idleTimeoutInMilli: 1,
  });
  for (const name of ["idleTimeoutInMillis", "halfOpenTimeoutInMillis", "maxDurationInMillis"]) {
    await wrong(`${name} must be an integer from 1`, a, b, { [name]: 0 });
    await wrong(`${name} must be a number: got null`, a, b, { [name]: null });
  }
  await wrong("maxBytes must be a number: got null", a, b, { maxBytes: null });
  await wrong("maxBytes must be an integer 1 or more or Infinity", a, b, { maxBytes: 0.5 });
  await wrong("signal must be an AbortSignal", a, b, { signal: {} });
  await a.write("intact");
  assertEquals((await b.read())[1], 6);
});

Deno.test("relay() is alone with its connections", async () => {
  await using left = connectedPair();
  await using right = connectedPair();
  await using third = connectedPair();
  const [[caller, a], [b, target]] = [left, right];
  const reading = a.read();
  assertEquals((await assertRejects(() => relay(a, b), GenericError)).code, "busy");
  await caller.write("x");
  await reading;
  const report = relay(a, b);
  for (const [one, other] of [[a, third[0]], [third[0], b]] as const) {
    const error = await assertRejects(() => relay(one, other), GenericError);
    assertEquals([error.code, error.message], [
      "busy",
      "Cannot relay: a connection is being relayed already",
    ]);
  }
  assertEquals((await assertRejects(() => a.read(), GenericError)).code, "busy");
  await caller.write("y");
  assertEquals((await target.read())[1], 1);
  a.abort();
  assertEquals((await report).end.by, "local");
});

Deno.test("relay() reads each option once", async () => {
  let reads = 0;
  const options: RelayOptions = Object.defineProperty({}, "maxBytes", {
    enumerable: true,
    get: () => (reads++, 4),
  });
  const { caller, report } = relayedPeers(options);
  await caller.write("12345");
  assertEquals(((await report).end.error as GenericError).code, "limit");
  assertEquals(reads, 1);
  await caller.close();
});

Deno.test("relay() is not idle while something arrives that cannot be passed on yet", async () => {
  const { connection: a, peer, clock, arrive } = arrivingConnection();
  const target = scriptedTransport([silence()], { clock });
  const b = new Connection(target, { network: { ...denoNetwork, clock } });
  const report = relay(a, b, { idleTimeoutInMillis: 1_000 });
  // Of the first bytes nobody can say how much can be read of them.
  for (let i = 0; i < 4; i++) {
    await clock.advance(900);
    arrive(1);
  }
  Object.assign(peer.arriving!, { length: 0 });
  peer.say("whole", silence());
  await clock.advance(900);
  assertEquals([target.writtenText, coreOf(a).isOpen, coreOf(b).isOpen], ["whole", true, true]);
  await clock.advance(1_000);
  assertEquals((await report).end.error?.code, "timed-out");
});

Deno.test("relay() goes on at a stop while an answer arrives that cannot be passed on yet", async () => {
  const { connection: b, peer, clock, arrive } = arrivingConnection();
  const caller = scriptedTransport(["question", silence()], { clock });
  const a = new Connection(caller, { network: { ...denoNetwork, clock } });
  const attendant = { isReading: false, isCalling: true, isConnecting: true, isParting: false };
  coreOf(a).attend({ ...attendant, part: () => false, onFreed: () => {} });
  const report = relay(a, b);
  await clock.settle();
  peer.say("a first part", silence());
  await clock.settle();
  coreOf(a).stop();
  for (let part = 0; part < 9; part++) {
    for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
    arrive(1);
    await clock.advance(200);
  }
  Object.assign(peer.arriving!, { length: 0 });
  peer.say(", and the rest", silence());
  await clock.advance(200);
  assertEquals(caller.writtenText, "a first part, and the rest");
  await clock.advance(500);
  for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
  await clock.advance(500);
  assertEquals(coreOf(a).endedBy, "stop");
  await report;
});
