import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Datagram } from "../../src/udp/datagram.ts";
import { GenericError } from "../../src/base/errors.ts";
import { SessionCore } from "../../src/udp/session_core.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { resolveUdpSocketConfig } from "../../src/udp/udp_config.ts";
import { UdpSocket } from "../../src/udp/udp_socket.ts";
import { UnreadBudget } from "../../src/udp/unread_budget.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";

const peer = { transport: "udp", hostname: "127.0.0.1", port: 9 } as const;
const forever = { timeoutInMillis: Infinity, signal: undefined };
const first = ({ data }: Datagram) => data[0];

async function session(
  idleTimeoutInMillis = 1_000,
  idleBy: "received" | "either" = "received",
) {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const owner = { isWanting: false, hearsItself: false, put() {}, onUnwanted() {}, onEnd() {} };
  const socket = new UdpSocket("127.0.0.1", 0, resolveUdpSocketConfig({ network }), owner);
  await socket.bound;
  const settings = {
    clock,
    turns: plainTurns,
    idleTimeoutInMillis,
    idleBy,
    queueLimit: 10_000,
    drop: "newest",
    limits: forever,
    overwritesLent: false,
  } as const;
  let ends = 0;
  const budget = new UnreadBudget(1_000_000);
  const core = new SessionCore(peer, { socket, settings, budget, onEnd: () => ends++ });
  return {
    clock,
    core,
    socket: network.sockets[0]!,
    sent: network.sockets[0]!.sent,
    ends: () => ends,
    put: (byte: number) => core.put(new Uint8Array([byte]), peer),
  };
}

Deno.test("SessionCore is idle from the last datagram on that it received, whatever is sent to it", async () => {
  const { clock, core, put } = await session();
  await clock.advance(900);
  put(1);
  for (let i = 0; i < 9; i++) {
    await clock.advance(100);
    await core.write("a broadcast");
    core.tryWrite("another one");
  }
  await clock.advance(99);
  assertEquals(core.ended, undefined);
  await clock.advance(1);
  assertEquals([(await core.closed)!.code, clock.now()], ["timed-out", 1_900]);
});

Deno.test("SessionCore is idle from its last datagram on by either, whichever way it went", async () => {
  const { clock, core, put, sent, ends } = await session(1_000, "either");
  await clock.advance(900);
  put(1);
  await clock.advance(900);
  await core.write("out");
  await clock.advance(900);
  core.tryWrite("too");
  await clock.advance(999);
  assertEquals(core.ended, undefined);
  await clock.advance(1);
  const error = await core.closed;
  assertEquals([error!.code, ends()], ["timed-out", 1]);
  assertEquals(sent, ["out > 127.0.0.1:9", "too > 127.0.0.1:9"]);
  // Earlier datagrams can still be read.
  assertEquals([await core.take(first, forever), await core.take(first, forever, -1)], [1, -1]);
  assertEquals((await assertRejects(() => core.write("x"), GenericError)).code, "timed-out");
});

Deno.test("SessionCore that was busy is never idle too early, nor much too late", async () => {
  const { clock, core, put } = await session();
  let endedAt = 0;
  void core.closed.then(() => endedAt = clock.now());
  for (let i = 0; i < 300; i++) {
    put(i);
    await core.write("out");
    if (i % 10 === 0) await clock.advance(1);
  }
  const began = clock.now();
  await clock.advance(999);
  assertEquals(core.ended, undefined);
  await clock.advance(21);
  assert(endedAt >= began + 1_000 && endedAt <= began + 1_020, `after ${endedAt - began} ms`);
});

Deno.test("SessionCore without an idle timeout lives on", async () => {
  const { clock, core } = await session(Infinity);
  await clock.advance(1e9);
  assertEquals(core.ended, undefined);
  core.close();
  assertEquals(await core.closed, undefined);
});

Deno.test("SessionCore.stop() waits for the handler and for what is unread", async () => {
  const { core, put, ends } = await session();
  core.isHandled = true;
  put(1);
  core.stop();
  core.stop();
  put(2);
  core.onHandled();
  assertEquals([core.isOver, ends()], [true, 0]);
  await core.write("still allowed");
  assertEquals(await core.take(first, forever), 1);
  assertEquals([ends(), await core.closed], [1, undefined]);
  await assertRejects(() => core.write("x"), GenericError, "Cannot write: already closed");
});

Deno.test("SessionCore.stop() of a session that somebody took waits until they see the end", async () => {
  const { core, put, ends } = await session();
  core.isPulled = true;
  put(1);
  core.stop();
  assertEquals([await core.take(first, forever, -1), ends()], [1, 0]);
  assertEquals([await core.take(first, forever, -1), ends()], [-1, 1]);
});

Deno.test("SessionCore.stop() ends at once what is idle or only waits", async () => {
  const idle = await session();
  idle.core.stop();
  assertEquals(idle.ends(), 1);
  const waiting = await session();
  waiting.core.isPulled = true;
  const taken = waiting.core.take(first, forever, -1);
  waiting.core.stop();
  assertEquals([await taken, waiting.ends()], [-1, 1]);
});

Deno.test("SessionCore.close() drops and counts what is unread", async () => {
  const { core, put, ends } = await session();
  put(1);
  put(2);
  core.close();
  core.close();
  core.end(new GenericError("broken", "later"), "error");
  assertEquals([core.droppedDatagrams, ends(), await core.closed], [2, 1, undefined]);
  await assertRejects(() => core.take(first, forever), GenericError, "already closed");
});

Deno.test("SessionCore.stop() waits for a handler that has read everything", async () => {
  const { core, ends } = await session();
  core.isHandled = true;
  core.stop();
  assertEquals(ends(), 0);
  await core.write("the last word");
  core.onHandled();
  assertEquals(ends(), 1);
});

Deno.test("SessionCore.drained() rejects when the session ends, and others wait on", async () => {
  const { core, socket } = await session();
  socket.sendsAtOnce = false;
  assertEquals(core.tryWrite("x"), true);
  const limits = { below: 1, signal: undefined, timeoutInMillis: Infinity };
  const [mine, others] = [core.drained(limits), core.socket.drained(limits)];
  core.end(new GenericError("timed-out", "idle"), "idle");
  await assertRejects(() => mine, GenericError, "idle");
  assertEquals(core.tryWrite("y"), false);
  socket.sending[0]!.settle();
  await others;
});

Deno.test("SessionCore.drained() of a closed session says that it cannot send", async () => {
  const { core, socket } = await session();
  socket.sendsAtOnce = false;
  assertEquals(core.tryWrite("x"), true);
  const limits = { below: 1, signal: undefined, timeoutInMillis: Infinity };
  const before = core.drained(limits);
  core.close();
  for (const waiting of [before, core.drained(limits)]) {
    const error = await assertRejects(() => waiting, GenericError, "Cannot send: already closed");
    assertEquals(error.code, "closed");
  }
  socket.sending[0]!.settle();
});

Deno.test("SessionCore.signal aborts when the session ends, with what ended it, also where it is asked for late", async () => {
  const { core } = await session();
  const { signal } = core;
  assertEquals([signal.aborted, core.signal === signal], [false, true]);
  const ended = new GenericError("timed-out", "idle");
  core.end(ended, "idle");
  assertEquals([signal.aborted, signal.reason], [true, ended]);
  const { core: late } = await session();
  late.close();
  assertEquals([late.signal.aborted, late.signal.reason.code], [true, "closed"]);
});

Deno.test("SessionCore answers from where the peer's datagram came to that was read last", async () => {
  const { core, socket } = await session();
  const at = (localAddress: string, networkInterface: number) => ({
    ...peer,
    localAddress,
    networkInterface,
  });
  socket.sendsAtOnce = false;
  /** Sends, and gives where both ways of writing send from. */
  const left = async () => {
    const seen: unknown[] = [];
    for (const way of ["tryWrite", "write"] as const) {
      void core[way]("x");
      const { address, settle } = socket.sending[0]!;
      seen.push([address.localAddress, address.networkInterface]);
      settle();
      await settled();
    }
    assertEquals(seen[0], seen[1]);
    return seen[0];
  };
  const read = () => core.take(first, forever);
  // Until something was read: to which the last one came. A forged first one must not decide for all.
  assertEquals(await left(), [undefined, undefined]);
  core.put(new Uint8Array([1]), at("127.0.0.1", 1));
  assertEquals(await left(), ["127.0.0.1", 1]);
  core.put(new Uint8Array([2]), at("127.0.0.2", 2));
  assertEquals(await left(), ["127.0.0.2", 2]);
  assertEquals([await read(), await left()], [1, ["127.0.0.1", 1]]);
  core.put(new Uint8Array([3]), at("127.0.0.3", 3));
  assertEquals(await left(), ["127.0.0.1", 1]);
  assertEquals([await read(), await left()], [2, ["127.0.0.2", 2]]);
  assertEquals([await read(), await left()], [3, ["127.0.0.3", 3]]);
  // One that goes straight to a read that waits.
  const waiting = read();
  core.put(new Uint8Array([4]), at("127.0.0.4", 4));
  assertEquals([await waiting, await left()], [4, ["127.0.0.4", 4]]);
  assertEquals([core.peer.hostname, core.peer.port], [peer.hostname, peer.port]);
});
