// How a connection lives and ends: close, abort, idle time, both ends.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Client,
  type ClientEvent,
  Connection,
  type EndedEvent,
  framed,
  GenericError,
  LineCodec,
  ReadTimedOutError,
  SocketError,
} from "../../mod.ts";
import {
  connectedTransports,
  end,
  pause,
  reset,
  scriptedTransport,
  silence,
  until,
  VirtualClock,
} from "../../testing/mod.ts";
import { connectionFrom, coreOf } from "../../src/connection/connection.ts";
import { resolveConnectionConfig } from "../../src/connection/connection_config.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { LateClock } from "../support/late_clock.ts";
import { MinimumRate } from "../../src/connection/minimum_rate.ts";
import type { Origin } from "../../src/connection/origin.ts";
import {
  arrivingConnection,
  asText,
  isPending,
  readsOf,
  scriptedConnection,
} from "../support/scripted_connection.ts";

Deno.test("Connection.close() flushes, ends, drains what still comes, and then frees", async () => {
  const open = Promise.withResolvers<void>();
  const { connection, peer, clock } = scriptedConnection(["unread", pause(20), "late", end()], {}, {
    writes: [until(open.promise)],
  });
  void connection.write("queued");
  const closing = connection.close();
  assert(await isPending(clock, closing));
  assertEquals(peer.calls.includes("closeWrite"), false);
  open.resolve();
  await clock.settle();
  assertEquals([peer.writtenText, peer.isClosed], ["queued", false]);
  assert(peer.calls.includes("closeWrite"));
  await clock.advance(20);
  await closing;
  assertEquals(peer.calls.at(-1), "close");
  assertEquals(await connection.closed, undefined);
  assertEquals(clock.pending, 0);
  assertEquals(peer.violations, []);
});

for (const how of ["abort", "close", "failure"]) {
  Deno.test(`Connection counts no byte that comes after its end was told (${how})`, async () => {
    const reads: PromiseWithResolvers<number | null>[] = [];
    const clock = new VirtualClock();
    const transport = {
      ...scriptedTransport([silence()], { clock }),
      localAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const,
      remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 2 } as const,
      read: () => (reads[reads.length] = Promise.withResolvers()).promise,
      write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
      closeWrite: () => Promise.resolve(),
      close() {},
    };
    const events: ClientEvent[] = [];
    const client = await Client.connect({
      host: "127.0.0.1",
      port: 2,
      network: { ...denoNetwork, clock, connect: () => Promise.resolve(transport) },
      onEvent: (event) => void events.push(event),
      idleTimeoutInMillis: 1_000,
    });
    // It is read ahead from now on.
    const { signal } = client;
    await clock.settle();
    reads[0]!.resolve(3);
    await clock.settle();
    if (how === "abort") client.abort();
    else if (how === "close") void client.close();
    await clock.advance(1_000);
    // This had been read already when the transport was freed.
    reads[1]!.resolve(5);
    await clock.settle();
    const ended = events.at(-1) as EndedEvent;
    assertEquals([ended.kind, ended.bytesRead, client.bytesRead], ["ended", 3, 3]);
    assert(signal.aborted);
  });
}

Deno.test("Connection.close() drains until nothing has come for 50 ms, a second at most", async () => {
  const quiet = scriptedConnection(["x"]);
  const quietly = quiet.connection.close();
  await quiet.clock.advance(49);
  assertEquals(quiet.peer.isClosed, false);
  await quiet.clock.advance(1);
  await quietly;

  const script = Array(100).fill(["x", pause(40)]).flat();
  const chatty = scriptedConnection(script);
  const chattily = chatty.connection.close();
  await chatty.clock.advance(999);
  assertEquals(chatty.peer.isClosed, false);
  await chatty.clock.advance(1);
  await chattily;
  assertEquals(await chatty.connection.closed, undefined);
});

Deno.test("Connection.close() does not drain when the peer has ended", async () => {
  const { connection, peer, clock } = scriptedConnection(["ab", end()]);
  await connection.read(5);
  await connection.close();
  assertEquals([peer.isClosed, clock.now(), await connection.closed], [true, 0, undefined]);
});

Deno.test("Connection.close() after both sides have said all frees at once, which is the end for the peer", async () => {
  const { connection, peer } = scriptedConnection(["ask", end()]);
  assertEquals(asText(await connection.read()), ["ask", 3]);
  await connection.write("answer");
  assertEquals((await connection.read())[1], -1);
  const closing = connection.close();
  assertEquals([peer.calls.at(-1), peer.calls.includes("closeWrite")], ["close", false]);
  await closing;
  assertEquals([await connection.closed, peer.writtenText], [undefined, "answer"]);
  await assertRejects(() => connection.write("more"), SocketError, "closed");
});

Deno.test("Connection.close() with something left to say says it, and then ends", async () => {
  for (const last of ["answer", ""]) {
    const { connection, peer } = scriptedConnection([end()]);
    assertEquals((await connection.read())[1], -1);
    const writing = connection.write(last);
    await connection.close();
    assertEquals(await writing, last.length);
    assertEquals(peer.calls.slice(-2), ["closeWrite", "close"]);
  }
});

Deno.test("Connection.close() of a secure stream says the end, whoever has ended before", async () => {
  const peer = scriptedTransport([end()]);
  Object.defineProperty(peer, "secure", { value: {} });
  const connection = new Connection(peer);
  assertEquals((await connection.read())[1], -1);
  await connection.close();
  assertEquals(peer.calls.slice(-2), ["closeWrite", "close"]);
});

Deno.test("Connection.close() lets a peer that reads slowly have everything: no reset on its way", async () => {
  const [here, there] = connectedTransports({ capacity: 1_000 });
  const connection = new Connection(here);
  // The other end has sent bytes that this one never reads.
  await there.write(new Uint8Array(500));
  void connection.write(new Uint8Array(20_000).fill(7));
  const closing = connection.close();
  const buffer = new Uint8Array(300);
  let received = 0;
  for (let n = await there.read(buffer); n !== null; n = await there.read(buffer)) received += n;
  there.close();
  await closing;
  assertEquals([received, await connection.closed], [20_000, undefined]);
});

Deno.test("Connection.close() of a peer that does not read ends at closeTimeoutInMillis", async () => {
  const { connection, peer, clock } = scriptedConnection([], { closeTimeoutInMillis: 500 }, {
    writes: [3, silence()],
  });
  const writing = connection.write("abcdef").catch((error) => error);
  await clock.settle();
  const closing = connection.close();
  await clock.advance(499);
  assertEquals(peer.isClosed, false);
  await clock.advance(1);
  await closing;
  const error = await connection.closed;
  assertEquals(error!.code, "timed-out");
  assertStringIncludes(error!.message, "did not take 3 bytes within 500 ms");
  const { code, bytesTaken, message } = await writing;
  assertEquals([code, bytesTaken], ["timed-out", 3]);
  assertStringIncludes(message, "of this write the system had taken 3 of 6 bytes");
});

for (const isTaken of [true, false]) {
  Deno.test(`Connection.close() gets the time in which the program was busy, once: ${isTaken}`, async () => {
    const clock = new LateClock();
    const [here, there] = connectedTransports({ capacity: 3 });
    const network = { ...denoNetwork, clock };
    const connection = new Connection(here, { network, closeTimeoutInMillis: 500 });
    void connection.write("abcdef").catch(() => {});
    const closing = connection.close();
    clock.busyFor(700);
    await clock.advance(899);
    assertEquals(await isPending(clock, closing), true);
    if (isTaken) {
      while (await there.read(new Uint8Array(10)) !== null);
      there.close();
    } else {
      await clock.advance(1);
    }
    await closing;
    assertEquals((await connection.closed)?.code, isTaken ? undefined : "timed-out");
    if (!isTaken) there.close();
  });
}

Deno.test("Connection.close() makes a waiting read reject as closed, and ends iterations and streams", async () => {
  const reading = scriptedConnection();
  const read = assertRejects(() => reading.connection.read(), GenericError, "already closed");
  await reading.clock.settle();
  void reading.connection.close();
  assertEquals((await read).code, "closed");
  await assertRejects(() => reading.connection.read(), GenericError, "already closed");
  const late = await assertRejects(() => reading.connection.write("x"), GenericError);
  assertEquals(late.code, "closed");
  reading.connection.abort();

  const iterating = scriptedConnection(["ab"]);
  const chunks: number[] = [];
  const loop = (async () => {
    for await (const chunk of iterating.connection) chunks.push(chunk.length);
  })();
  await iterating.clock.settle();
  void iterating.connection.close();
  await loop;
  assertEquals(chunks, [2]);
  for await (const _ of iterating.connection) throw new Error("must not come");
  iterating.connection.abort();
});

Deno.test("Connection.close() drops what is unread", async () => {
  const { connection } = scriptedConnection(["abcdef"]);
  await connection.read(1);
  void connection.close();
  await assertRejects(() => connection.read(1), GenericError, "already closed");
  connection.abort();
});

Deno.test("Connection.close() and abort() may be called again", async () => {
  const { connection, peer } = scriptedConnection(["ab", end()]);
  await connection.read(5);
  await Promise.all([connection.close(), connection.close()]);
  await connection.close();
  connection.abort();
  assertEquals(await connection.closed, undefined);
  assertEquals(peer.calls.filter((call) => call === "close").length, 1);
});

Deno.test("Connection.abort() frees at once and tells its reason to everybody", async () => {
  const { connection, peer, clock } = scriptedConnection([], {}, { writes: [silence()] });
  const reason = new Error("enough");
  const waiting = [connection.read(), connection.write("x")].map((each) =>
    each.catch((error) => error)
  );
  await clock.settle();
  connection.abort(reason);
  assert(peer.isClosed);
  const error = await connection.closed;
  assertEquals([error!.code, error!.cause], ["aborted", reason]);
  const [read, written] = await Promise.all(waiting);
  assertStrictEquals(read, error);
  assertEquals([written.code, written.cause, written.bytesTaken], ["aborted", reason, 0]);
  await assertRejects(() => connection.read(), GenericError, "Aborted");
  assertEquals(clock.pending, 0);
});

Deno.test("Connection.abort() ends a close under way", async () => {
  const { connection, peer, clock } = scriptedConnection([], {}, { writes: [silence()] });
  void connection.write("x");
  const closing = connection.close();
  await clock.settle();
  connection.abort();
  await closing;
  assertEquals([peer.isClosed, (await connection.closed)!.code], [true, "aborted"]);
});

Deno.test("Connection both of whose directions have ended is freed, and what is unread can be read", async () => {
  const { connection, peer } = scriptedConnection(["abc", end()]);
  await connection.shutdownWrite();
  assertEquals(asText(await connection.read(2)), ["ab", 2]);
  assertEquals(asText(await connection.read(2)), ["c", 1]);
  assertEquals(await connection.closed, undefined);
  assertEquals([peer.isClosed, await connection.read()], [true, [new Uint8Array(0), -1]]);
});

Deno.test("Connection shut down in both directions from this side ends politely", async () => {
  const { connection, peer, clock } = scriptedConnection(["unread"]);
  await connection.write("x");
  await connection.shutdownWrite();
  connection.shutdownRead();
  await clock.advance(50);
  assertEquals(await connection.closed, undefined);
  assertEquals(readsOf(peer), 2);
});

Deno.test("Connection's pull faces never close it by themselves", async () => {
  const { connection, peer, clock } = scriptedConnection(["abc", end()]);
  for await (const _ of connection) { /* to the end */ }
  assertEquals(await connection.write("still open"), 10);
  assert(await isPending(clock, connection.closed));
  assertEquals(peer.isClosed, false);
  connection.abort();
});

Deno.test("Connection.idleTimeoutInMillis ends it when no byte comes or goes, and only then", async () => {
  const { connection, peer, clock } = scriptedConnection([pause(80), "a", silence()], {
    idleTimeoutInMillis: 100,
  });
  void connection.read().then(() => connection.read()).catch(() => {});
  await clock.advance(160);
  await connection.write("x");
  await clock.advance(99);
  assertEquals(peer.isClosed, false);
  await clock.advance(1);
  const error = await connection.closed;
  assertEquals([error!.code, clock.now()], ["timed-out", 260]);
  assertStringIncludes(error!.message, "no byte came or went for 100 ms");
  assertEquals([peer.isClosed, clock.pending], [true, 0]);
});

Deno.test("Connection that is idle by what it received ends, however much it is sent", async () => {
  const { connection, clock } = scriptedConnection([pause(80), "a", silence()], {
    idleTimeoutInMillis: 100,
    idleBy: "received",
  });
  void connection.read().then(() => connection.read()).catch(() => {});
  for (let i = 0; i < 17; i++) {
    await clock.advance(10);
    await connection.write("x");
  }
  await clock.advance(9);
  assert(await isPending(clock, connection.closed));
  await clock.advance(1);
  const error = await connection.closed;
  assertEquals([error!.code, clock.now()], ["timed-out", 180]);
  assertStringIncludes(error!.message, "no byte came for 100 ms");
});

Deno.test("Connection.idleTimeoutInMillis is counted from when it is set", async () => {
  const clock = new VirtualClock();
  const network = { ...denoNetwork, clock };
  // As those of one listener have theirs.
  const settings = resolveConnectionConfig({ idleTimeoutInMillis: 100, network });
  const [connection, other] = [1, 2].map(() =>
    connectionFrom({}, Connection, scriptedTransport([silence()], { clock }), settings)
  ) as [Connection, Connection];
  assertEquals(connection.idleTimeoutInMillis, 100);
  await clock.advance(90);
  connection.idleTimeoutInMillis = 40;
  await clock.advance(39);
  assert(await isPending(clock, connection.closed));
  connection.idleTimeoutInMillis = Infinity;
  await clock.advance(1_000);
  assert(await isPending(clock, connection.closed));
  connection.idleTimeoutInMillis = 30;
  await clock.advance(30);
  assertStringIncludes((await connection.closed)!.message, "no byte came or went for 30 ms");
  assertEquals(clock.pending, 0);
  assertEquals(other.idleTimeoutInMillis, 100);
  connection.idleTimeoutInMillis = 5;
  assertEquals([connection.idleTimeoutInMillis, clock.pending], [5, 0]);
});

Deno.test("Connection.readTimeoutInMillis is that of the next read, loop or message when it is set", async () => {
  const { connection, clock } = scriptedConnection([], { readTimeoutInMillis: 100 });
  const ways = [
    () => connection.read(),
    () => connection[Symbol.asyncIterator]().next(),
    () => framed(connection, new LineCodec()).receive(),
  ];
  for (const [i, way] of ways.entries()) {
    connection.readTimeoutInMillis = 7 + i;
    const began = clock.now();
    const late = assertRejects(way, ReadTimedOutError, `nothing came for ${7 + i} ms`);
    await clock.advance(100);
    await late;
    assertEquals(clock.now() - began, 100);
  }
  assertEquals(connection.readTimeoutInMillis, 9);
  connection.abort();
});

Deno.test("Connection's timeouts are checked when they are set, as in its config", async () => {
  const { connection } = scriptedConnection();
  for (const name of ["readTimeoutInMillis", "idleTimeoutInMillis"] as const) {
    assertThrows(() => connection[name] = 0, RangeError, `${name} must be`);
    assertThrows(() => connection[name] = "5" as never, TypeError, `${name} must be a number`);
  }
  assertEquals([connection.readTimeoutInMillis, connection.idleTimeoutInMillis], [
    300_000,
    Infinity,
  ]);
  connection.abort();
  await connection.closed;
});

Deno.test("Connection.idleTimeoutInMillis ends one that nobody reads", async () => {
  const { connection, clock } = scriptedConnection(["never read"], { idleTimeoutInMillis: 100 });
  await clock.advance(100);
  assertEquals((await connection.closed)!.code, "timed-out");
});

Deno.test("Connection.closed never rejects, and tells a reset as broken", async () => {
  const { connection } = scriptedConnection([reset()]);
  void connection.read().catch(() => {});
  const error = await connection.closed;
  assert(error instanceof SocketError);
  assertEquals(error.code, "broken");
});

Deno.test("Connection.close() is not harmed by a reset while it drains", async () => {
  const { connection, peer } = scriptedConnection(["unread", reset()]);
  await connection.write("all of it");
  await connection.close();
  assertEquals([await connection.closed, peer.writtenText], [undefined, "all of it"]);
});

Deno.test("Connection leaves no timeout behind", async () => {
  const { connection, clock } = scriptedConnection(["a", "b", end()], {
    idleTimeoutInMillis: 1_000,
  });
  await connection.read();
  await connection.write("x");
  await connection.read(9);
  await using _ = connection;
  await connection.close();
  assertEquals(clock.pending, 0);
});

Deno.test("StreamCore.whenPeerEnds() tells once of the peer's end, and of nothing else", async () => {
  const ended = Promise.withResolvers<void>();
  const { connection, clock } = scriptedConnection(["x", until(ended.promise), end()]);
  const core = coreOf(connection);
  let times = 0;
  core.whenPeerEnds(() => times++);
  core.reader.watch();
  await connection.read();
  await clock.settle();
  assertEquals(times, 0);
  ended.resolve();
  await clock.settle();
  assertEquals(times, 1);
  core.whenPeerEnds(() => times++);
  assertEquals([times, core.isOpen], [2, true]);
  connection.abort();

  const cut = scriptedConnection();
  coreOf(cut.connection).whenPeerEnds(() => times++);
  cut.connection.abort();
  assertEquals(times, 2);
});

Deno.test("A minimum rate counts from when something arrives that cannot be read yet, until nothing was in it", async () => {
  let slow = 0;
  const minimumRate = new MinimumRate(10, 1_000);
  const limits = { minimumRate, mayQueue: () => true, onDequeued() {}, onEvicted() {} };
  const origin = { limits: { ...limits, onSlow: () => void slow++ } } as unknown as Origin;
  const { connection, clock, arrive } = arrivingConnection([], {}, origin);
  void connection.read().catch(() => {});
  await clock.advance(5_000);
  arrive(1);
  await clock.advance(500);
  arrive(0);
  await clock.advance(5_000);
  assertEquals([minimumRate.due, slow], [Infinity, 0]);
  for (let length = 1; length <= 10; length++) {
    arrive(length);
    await clock.advance(50);
  }
  // The interval was over, and enough had come in it.
  assertEquals(slow, 0);
  await clock.advance(1_000);
  assertEquals([slow, (await connection.closed)?.code], [1, "limit"]);
});

Deno.test("Connection.close() drains on while something arrives that cannot be read", async () => {
  const { connection, peer, clock, arrive } = arrivingConnection();
  void connection.read().catch(() => {});
  await clock.settle();
  void connection.close();
  for (let length = 1; length < 5; length++) {
    await clock.advance(40);
    arrive(length);
  }
  assertEquals(peer.isClosed, false);
  await clock.advance(50);
  assertEquals(peer.isClosed, true);
});

Deno.test("StreamCore that is paused for a handshake is not idle", async () => {
  const { connection, clock } = scriptedConnection([silence()], { idleTimeoutInMillis: 100 });
  const core = coreOf(connection);
  await core.pause();
  connection.idleTimeoutInMillis = 90;
  await clock.advance(1_000);
  assertEquals(core.isOpen, true);
  core.resume();
  await clock.advance(89);
  assertEquals(core.isOpen, true);
  await clock.advance(1);
  assertEquals((await connection.closed)?.code, "timed-out");
});
