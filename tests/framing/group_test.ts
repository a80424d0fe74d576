import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Client,
  type Connection,
  denoNetwork,
  framed,
  framedService,
  GenericError,
  Group,
  type GroupReport,
  LineCodec,
  Listener,
  UdpListener,
  type UdpSession,
} from "../../mod.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { microtasksDrained, pause, silence, until } from "../../testing/mod.ts";
import { printedDuring } from "../support/printed_during.ts";
import { text } from "../support/text.ts";
import { isPending, scriptedConnection } from "../support/scripted_connection.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { localClient } from "../support/udp_engines.ts";

const codec = new LineCodec();
const chunk = "x".repeat(100);

/** A connection whose peer takes nothing until it is opened. */
function deaf() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { ...scriptedConnection([], {}, { writes: [until(promise)] }), open: resolve };
}

/** Sends until somebody is slow, each in a turn of its own; gives what became of each. */
async function fill(group: Group, count: number): Promise<GroupReport[]> {
  const reports: GroupReport[] = [];
  for (let i = 0; i < count; i++) {
    reports.push(group.send(chunk));
    await microtasksDrained();
  }
  return reports;
}

Deno.test("Group.send() reaches all members but one, in the order of the calls, framed or not", async () => {
  const [one, two, three] = [scriptedConnection(), scriptedConnection(), scriptedConnection()];
  const group = new Group({ codec, slow: "skip" });
  const lines = framed(one.connection, codec);
  group.add(lines).add(two.connection).add(framed(three.connection, codec));
  assertEquals([group.size, group.has(lines), group.has(one.connection)], [3, true, true]);
  assertEquals(group.send("a"), { sent: 3, skipped: 0 });
  assertEquals(group.send("b", { except: lines }), { sent: 2, skipped: 0 });
  assertEquals(group.send("c", { except: three.connection }), { sent: 2, skipped: 0 });
  await one.clock.settle();
  const written = [one, two, three].map(({ peer }) => peer.writtenText);
  assertEquals(written, ["a\nc\n", "a\nb\nc\n", "a\nb\n"]);
  assertEquals(group.stats(), { sent: 7, skipped: 0, closed: 0 });
  for (const { connection } of [one, two, three]) connection.abort();
});

Deno.test("Group encodes a message once, and gives the same bytes to all", () => {
  let encoded = 0;
  const counting = {
    decoder: () => codec.decoder(),
    encode(line: string, frames: Parameters<LineCodec["encode"]>[1]) {
      encoded++;
      codec.encode(line, frames);
    },
  };
  const group = new Group({ codec: counting, slow: "skip" });
  const all = Array.from({ length: 10 }, () => scriptedConnection([], {}, { writes: [silence()] }));
  for (const { connection } of all) group.add(connection);
  group.send("hello");
  assertEquals([encoded, all.every(({ connection }) => connection.queuedBytes === 6)], [1, true]);
  for (const { connection } of all) connection.abort();
});

Deno.test("Group has a member once, however often and as what it is added, and iterates over them", () => {
  const { connection } = scriptedConnection();
  const other = scriptedConnection().connection;
  const lines = framed(connection, codec);
  const group = new Group({ codec, slow: "skip" });
  group.add(lines).add(lines).add(connection).add(framed(connection, codec)).add(other);
  assertEquals([group.size, [...group]], [2, [lines, other]]);
  assertEquals(group.send("x"), { sent: 2, skipped: 0 });
  assertEquals([group.delete(connection), group.delete(lines), group.size], [true, false, 1]);
  connection.abort();
  other.abort();
  assertThrows(
    () => group.add(framed(scriptedConnection().connection, new LineCodec())),
    TypeError,
  );
});

Deno.test("Group's members leave when they end, at once, and one that has ended does not come in", async () => {
  const [one, two, three] = [scriptedConnection(), scriptedConnection(), scriptedConnection()];
  const group = new Group({ slow: "close" });
  for (const { connection } of [one, two, three]) group.add(connection);
  one.connection.abort();
  // Before anybody has been told of its end.
  assertEquals(group.send("x"), { sent: 2, skipped: 0 });
  void two.connection.close();
  assertEquals([group.send("y"), group.size], [{ sent: 1, skipped: 0 }, 1]);
  three.connection.abort();
  await microtasksDrained();
  assertEquals(group.size, 0);
  group.add(one.connection);
  assertEquals([group.size, group.stats().closed], [0, 0]);
});

Deno.test("Group with skip: a burst reaches all who read, and a deaf one costs nobody a message", async () => {
  const [reader, slow] = [scriptedConnection(), deaf()];
  const group = new Group({ slow: "skip", maxQueuedBytes: 250 });
  group.add(slow.connection).add(reader.connection);
  for (let i = 0; i < 50; i++) assertEquals(group.send(chunk).skipped, 0);
  await reader.clock.settle();
  group.send(chunk);
  await slow.clock.settle();
  assertEquals(await fill(group, 2), [{ sent: 1, skipped: 1 }, { sent: 1, skipped: 1 }]);
  slow.open();
  await slow.connection.drained();
  assertEquals(group.send(chunk), { sent: 2, skipped: 0 });
  await reader.clock.settle();
  assertEquals(reader.peer.written.length, 5_400);
  assertEquals(slow.peer.written.length, 5_200);
  assertEquals(group.stats(), { sent: 106, skipped: 2, closed: 0 });
  for (const { connection } of [reader, slow]) connection.abort();
});

Deno.test("Group with close: who is slow ends with overflow, and nobody else", async () => {
  const [reader, slow] = [scriptedConnection(), deaf()];
  const group = new Group({ slow: "close", maxQueuedBytes: 250 });
  group.add(slow.connection).add(reader.connection);
  const reports = await fill(group, 6);
  assertEquals(reports.map(({ skipped }) => skipped), [0, 0, 0, 1, 0, 0]);
  assertEquals([(await slow.connection.closed)!.code, group.size], ["overflow", 1]);
  assertEquals(reader.peer.written.length, 600);
  assertEquals(group.stats(), { sent: 9, skipped: 1, closed: 1 });
  reader.connection.abort();
});

/** A group of a reader and of a slow one, which has what it may have: the last of it is waited for. */
async function waiting(waitInMillis: number) {
  const [reader, slow] = [scriptedConnection(), deaf()];
  const group = new Group({ slow: "wait", maxQueuedBytes: 250, waitInMillis });
  group.add(slow.connection).add(reader.connection);
  const message = "-".repeat(100);
  for (let i = 0; i < 2; i++) assertEquals(await group.send(message), { sent: 2, skipped: 0 });
  const last = group.send(message);
  await microtasksDrained();
  return { reader, slow, group, last };
}

Deno.test("Group with wait: send waits for the slow, and what is sent meanwhile comes behind", async () => {
  const { reader, slow, group, last } = await waiting(1_000);
  const messages = ["a".repeat(60), "b".repeat(300), "c"];
  const sends = [last, ...messages.map((message) => group.send(message))];
  await reader.clock.settle();
  assert(reader.peer.writtenText.endsWith("c"), "who reads does not wait");
  await slow.clock.advance(999);
  slow.open();
  const sent = { sent: 2, skipped: 0 };
  assertEquals(await Promise.all(sends), [sent, sent, sent, sent]);
  await slow.clock.settle();
  assertStrictEquals(slow.peer.writtenText, reader.peer.writtenText);
  assertEquals(group.stats(), { sent: 12, skipped: 0, closed: 0 });
  for (const { connection } of [reader, slow]) connection.abort();
  assertEquals(slow.clock.pending, 0);
});

Deno.test("Group with wait: who is slow for too long misses the message, and gets the next one", async () => {
  const { reader, slow, group, last } = await waiting(100);
  const missed = group.send("missed".repeat(10));
  await slow.clock.advance(60);
  const next = group.send("next");
  await slow.clock.advance(40);
  assertEquals([await last, await missed], [{ sent: 2, skipped: 0 }, { sent: 1, skipped: 1 }]);
  slow.open();
  assertEquals(await next, { sent: 2, skipped: 0 });
  await slow.clock.settle();
  assertEquals(slow.peer.writtenText.slice(300), "next");
  for (const { connection } of [reader, slow]) connection.abort();
});

Deno.test("Group with wait: a member that ends in the middle keeps nobody waiting", async () => {
  const { reader, slow, group, last } = await waiting(1_000);
  const sends = [group.send(chunk), group.send("b")];
  await microtasksDrained();
  slow.connection.abort();
  const skipped = { sent: 1, skipped: 1 };
  assertEquals([await last, ...await Promise.all(sends)], [
    { sent: 2, skipped: 0 },
    skipped,
    skipped,
  ]);
  assertEquals([await group.send("c"), group.size], [{ sent: 1, skipped: 0 }, 1]);
  reader.connection.abort();
});

Deno.test("Group with wait: what waits for one who reads slowly stays at the limit, and it misses nothing", async () => {
  const writes = Array.from({ length: 500 }, (_, i) => i % 2 === 0 ? pause(10) : 50);
  const [reader, slow] = [scriptedConnection(), scriptedConnection([], {}, { writes })];
  const group = new Group({ slow: "wait", maxQueuedBytes: 250, waitInMillis: 1_000 });
  group.add(slow.connection).add(reader.connection);
  let most = 0;
  let isOver = false;
  const loop = (async () => {
    for (let i = 0; i < 100; i++) {
      const sending = group.send(chunk);
      most = Math.max(most, slow.connection.queuedBytes);
      assertEquals(await sending, { sent: 2, skipped: 0 });
    }
    await slow.connection.drained();
    isOver = true;
  })();
  while (!isOver) await slow.clock.advance(10);
  await loop;
  await reader.clock.settle();
  assertEquals([slow.peer.written.length, reader.peer.written.length], [10_000, 10_000]);
  assert(most <= 250 + chunk.length, `${most} bytes were queued`);
  for (const { connection } of [reader, slow]) connection.abort();
});

Deno.test("Group with wait: a burst that nobody awaits reaches all who read", async () => {
  const all = [scriptedConnection(), scriptedConnection()];
  const group = new Group({ slow: "wait", maxQueuedBytes: 250, waitInMillis: 1 });
  for (const { connection } of all) group.add(connection);
  const sends = Array.from({ length: 50 }, () => group.send(chunk));
  const reports = await Promise.all(sends);
  assertEquals(reports, Array(50).fill({ sent: 2, skipped: 0 }));
  for (const { connection } of all) connection.abort();
});

Deno.test("Group with wait: who has more than a thousand short messages is waited for", async () => {
  const slow = deaf();
  const group = new Group({ slow: "wait", waitInMillis: 1_000 }).add(slow.connection);
  const few = Array.from({ length: 1_024 }, () => group.send("x"));
  assertEquals((await Promise.all(few)).length, 1_024);
  await slow.clock.settle();
  const sends = [group.send("y"), group.send("z")];
  assert(await isPending(slow.clock, sends[0]!), "the first is waited for, which has it");
  assert(await isPending(slow.clock, sends[1]!), "so is the next one");
  sends.push(group.send("!"));
  await slow.clock.advance(999);
  slow.open();
  assertEquals(await Promise.all(sends), Array(3).fill({ sent: 1, skipped: 0 }));
  await slow.clock.settle();
  assertEquals(slow.peer.writtenText.slice(1_024), "yz!");
  slow.connection.abort();
});

Deno.test("Group with wait: what waits in the socket of UDP sessions stays at its limit, and none misses any", async () => {
  const network = scriptedDatagrams();
  const maxQueuedBytes = 2_000;
  await using listener = new UdpListener(0, { interface: "127.0.0.1", network, maxQueuedBytes });
  const group = new Group({ slow: "wait" });
  listener.attach({ onSession: (session) => void group.add(session) });
  await listener.start();
  const socket = network.sockets[0]!;
  for (const port of [7, 8]) {
    socket.deliver("hello", port);
    await settled();
  }
  assertEquals(group.size, 2);
  socket.sendsAtOnce = false;
  let most = 0;
  const loop = (async () => {
    for (let i = 0; i < 50; i++) {
      const sending = group.send(chunk);
      most = Math.max(most, listener.stats().queuedBytes);
      assertEquals(await sending, { sent: 2, skipped: 0 });
    }
  })();
  for (let i = 0; i < 100; i++) {
    await settled();
    socket.sending[0]!.settle();
  }
  await loop;
  assertEquals(socket.sent.length, 100);
  // Each datagram counts 256 bytes more.
  assert(most <= maxQueuedBytes + 2 * (chunk.length + 256), `${most} bytes were queued`);
  await listener.immediateStop();
});

Deno.test("Group.send() of what cannot be encoded throws, and harms nobody; with wait it rejects, and is told once", async () => {
  const { connection, peer, clock } = scriptedConnection();
  const group = new Group({ codec, slow: "skip" });
  group.add(connection);
  assertThrows(() => group.send("a\nb"), GenericError, "Cannot encode");
  assertThrows(() => group.send("a", 1 as never), TypeError, "options must be an object");
  const misspelled = { excpet: connection } as never;
  assertThrows(() => group.send("a", misspelled), TypeError, 'no option "excpet": use except');
  const waits = new Group({ codec, slow: "wait" });
  waits.add(connection);
  const printed = await printedDuring(async () => {
    void waits.send("a\nb");
    void waits.send("c\nd");
    await assertRejects(() => waits.send("e\nf"), GenericError, "Cannot encode");
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  });
  assertEquals(printed.length, 1);
  group.send("fine");
  await clock.settle();
  assertEquals(peer.writtenText, "fine\n");
  connection.abort();
});

Deno.test("Group may be sent to from a member's callbacks, and outlives a listener's stop", async () => {
  const heard: string[] = [];
  const group = new Group({ codec, slow: "close" });
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  let closes = 0;
  const allClosed = Promise.withResolvers<void>();
  listener.attach(framedService(codec, {
    onConnect(caller) {
      group.add(caller);
      group.send(`+${group.size}`);
    },
    onMessage(caller, line) {
      group.send(line, { except: caller });
      group.send("all");
      return "reply";
    },
    onClose() {
      group.send("-");
      if (++closes === 2) allClosed.resolve();
    },
  }));
  await listener.start();
  const dial = () => Client.connect({ host: "127.0.0.1", port: listener.port });
  await using one = await dial();
  heard.push((await one.readLine())!);
  await using two = await dial();
  heard.push((await one.readLine())!, (await two.readLine())!);
  await two.write("hello\n");
  for (const client of [one, one, two, two]) heard.push((await client.readLine())!);
  assertEquals(heard, ["+1", "+2", "+2", "hello", "all", "all", "reply"]);
  await listener.gracefulStop();
  await allClosed.promise;
  assertEquals(group.size, 0);
});

Deno.test("Group has UDP sessions as members, which leave when they end", async () => {
  const group = new Group({ codec, slow: "skip" });
  await using listener = new UdpListener(0, { interface: "127.0.0.1" });
  const sessions: UdpSession[] = [];
  listener.attach({
    onSession(session) {
      sessions.push(session);
      group.add(session);
      group.send(`hello ${group.size}`);
    },
  });
  await listener.start();
  const peer = { host: "127.0.0.1", port: listener.port };
  await using one = localClient(denoNetwork);
  await using two = localClient(denoNetwork);
  const hear = async (client: typeof one) => text((await client.receiveFrom())[0]);
  await one.sendTo("x", peer);
  assertEquals(await hear(one), "hello 1\n");
  await two.sendTo("x", peer);
  assertEquals([await hear(one), await hear(two)], ["hello 2\n", "hello 2\n"]);
  await sessions[0]!.close();
  assertEquals([group.size, group.send("left")], [1, { sent: 1, skipped: 0 }]);
  assertEquals(await hear(two), "left\n");
  await listener.immediateStop();
  assertEquals(group.size, 0);
});

Deno.test("Group's message may be changed as soon as it was sent, however big, and lent or not", async () => {
  const all = Array.from({ length: 2 }, () => deaf());
  const group = new Group({ slow: "skip" });
  for (const { connection } of all) group.add(connection);
  const content = new Uint8Array(50_000).fill(1);
  group.send(content);
  content.fill(2);
  for (const { open, connection, peer } of all) {
    open();
    await connection.drained();
    assertEquals([peer.written.length, peer.written.includes(2)], [50_000, false]);
    connection.abort();
  }
});

Deno.test("Group keeps nothing of those who have left it", async () => {
  const { connection } = scriptedConnection();
  const core = coreOf(connection);
  const freed = core.freed;
  let asked = 0;
  Object.defineProperty(core, "freed", { get: () => (asked++, freed) });
  for (let i = 0; i < 1_000; i++) {
    const group: Group<string | Uint8Array> = new Group({ slow: "skip" });
    group.add(connection as Connection);
    group.delete(connection);
  }
  assertEquals(asked, 1);
  connection.abort();
  await core.freed;
});
