import { assert, assertEquals, assertRejects } from "@std/assert";
import { DatagramLane } from "../../src/udp/datagram_lane.ts";
import { SocketError } from "../../src/base/errors.ts";
import type { DatagramSocket } from "../../src/network/network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { ScriptedDatagramSocket, settled } from "../support/scripted_datagrams.ts";
import { bytesOf } from "../support/text.ts";

const target = { transport: "udp", hostname: "10.0.0.1", port: 9 } as const;

function lane() {
  const log: string[] = [];
  const lane = new DatagramLane(
    plainTurns,
    (_, length, { port }) => log.push(`settled ${length} to ${port}`),
  );
  const socket = new ScriptedDatagramSocket();
  socket.sendsAtOnce = false;
  const add = (text: string) =>
    lane.add({
      bytes: bytesOf(text),
      target,
      onSent: (length) => log.push(`${text} sent ${length}`),
      onFailed: ({ code }) => log.push(`${text} ${code}`),
    });
  return { lane, socket, log, add };
}

Deno.test("DatagramLane.send() sends at once and gives the promise of that", async () => {
  const { lane: it, socket, log } = lane();
  assert(!it.sendsAtOnce);
  it.open(socket);
  assert(it.sendsAtOnce);
  const sent = it.send(bytesOf("abc"), target);
  assertEquals([it.sendsAtOnce, it.isEmpty, socket.sending.length], [false, false, 1]);
  socket.sending[0]!.settle();
  assertEquals(await sent, 3);
  assertEquals([it.sendsAtOnce, it.isEmpty], [true, true]);
  assertEquals(log, ["settled 3 to 9"]);
});

Deno.test("DatagramLane begins the next datagram before it tells of the last", async () => {
  const { lane: it, socket, log, add } = lane();
  it.open(socket);
  const sent = it.send(bytesOf("a"), target).then(() =>
    log.push(`a, ${socket.sending.length} more`)
  );
  add("bc");
  add("d");
  assertEquals(socket.sending.length, 1);
  socket.sending[0]!.settle();
  await sent;
  assertEquals(log, ["settled 1 to 9", "a, 1 more"]);
  for (let i = 0; i < 2; i++) {
    socket.sending[0]!.settle();
    await settled();
  }
  assertEquals(log.slice(2), ["settled 2 to 9", "bc sent 2", "settled 1 to 9", "d sent 1"]);
  assert(it.isEmpty);
});

Deno.test("DatagramLane goes on after failures that nobody waits for", async () => {
  const { lane: it, socket, log, add } = lane();
  it.open(socket);
  void it.send(bytesOf("a"), target);
  add("b");
  for (let i = 0; i < 2; i++) {
    socket.sending[0]!.settle(new Deno.errors.NetworkUnreachable("no route"));
    await settled();
  }
  const last = it.send(bytesOf("c"), target);
  socket.sending[0]!.settle(new Deno.errors.BadResource("Bad resource ID"));
  const { code, message } = await assertRejects(() => last, SocketError);
  assertEquals([code, message], ["broken", "Cannot send to 10.0.0.1:9: Bad resource ID"]);
  assertEquals(log, ["settled 1 to 9", "settled 1 to 9", "b unreachable", "settled 1 to 9"]);
});

Deno.test("DatagramLane.takeAll() takes out what was not begun", () => {
  const { lane: it, socket, add } = lane();
  it.open(socket);
  for (const text of ["a", "b", "c"]) add(text);
  assertEquals(it.takeAll().map(({ bytes }) => new TextDecoder().decode(bytes)), ["b", "c"]);
  assert(!it.isEmpty);
});

Deno.test("DatagramLane goes on where the engine throws instead of rejecting", async () => {
  const { lane: it, socket, log, add } = lane();
  const send = socket.send.bind(socket);
  let throws = true;
  socket.send = (bytes, address) => {
    if (throws) throw new RangeError("port 0");
    return send(bytes, address);
  };
  it.open(socket);
  await assertRejects(() => it.send(bytesOf("a"), target), SocketError, "port 0");
  add("b");
  throws = false;
  add("c");
  await settled();
  socket.sending[0]!.settle();
  await settled();
  assertEquals(log, [
    "settled 1 to 9",
    "settled 1 to 9",
    "b unreachable",
    "settled 1 to 9",
    "c sent 1",
  ]);
});

Deno.test("DatagramLane sends what it can without a promise, and in order behind what has to wait", async () => {
  const { lane: it, socket, log, add } = lane();
  const sent: string[] = [];
  let mustWait = false;
  const trySend = (bytes: Uint8Array) => {
    const text = new TextDecoder().decode(bytes);
    if (mustWait) return undefined;
    if (text === "bad") throw new Error("the network card is on fire");
    sent.push(text);
    return bytes.length;
  };
  it.open(Object.assign(socket, { trySend }));
  assertEquals(await it.send(bytesOf("abc"), target), 3);
  await assertRejects(() => it.send(bytesOf("bad"), target), SocketError);
  assertEquals([it.sendsAtOnce, log.splice(0)], [true, ["settled 3 to 9", "settled 3 to 9"]]);
  mustWait = true;
  add("w");
  for (const text of ["bad", ...Array(20_000).fill("x")]) add(text);
  assertEquals([it.sendsAtOnce, socket.sending.length], [false, 1]);
  mustWait = false;
  socket.sending[0]!.settle();
  await settled();
  assertEquals([it.isEmpty, sent.length], [true, 20_001]);
  assertEquals(log.slice(0, 3), ["settled 3 to 9", "bad unreachable", "settled 1 to 9"]);
});

/** A socket that sends many datagrams with one call, each of which is told. */
function sendingAll(socket: ScriptedDatagramSocket) {
  const calls: string[] = [];
  const state = { room: Infinity };
  const trySendAll: DatagramSocket["trySendAll"] = (datagrams, first) => {
    const texts: string[] = [];
    for (const { bytes } of datagrams.slice(first)) {
      const text = new TextDecoder().decode(bytes);
      if (text === "bad" && texts.length === 0) throw new Error("the network card is on fire");
      if (text === "bad" || texts.length === state.room) break;
      texts.push(text);
    }
    if (texts.length > 0) calls.push(texts.join(" "));
    return texts.length;
  };
  return { calls, state, socket: Object.assign(socket, { trySendAll }) };
}

Deno.test("DatagramLane sends those of one turn with one call, in order", async () => {
  const { lane: it, socket, log, add } = lane();
  const { calls, socket: all } = sendingAll(socket);
  it.open(all);
  assert(!it.sendsAtOnce);
  for (const text of ["a", "b", "c"]) add(text);
  assertEquals([calls, log, it.isEmpty], [[], [], false]);
  await settled();
  assertEquals([calls, it.isEmpty], [["a b c"], true]);
  assertEquals(log, ["a", "b", "c"].flatMap((text) => ["settled 1 to 9", `${text} sent 1`]));
  // Not more than a receiver can do with at once.
  for (let i = 0; i < 65; i++) add("x");
  assertEquals(calls.length, 2);
  await settled();
  assertEquals(calls.map((call) => call.split(" ").length), [3, 64, 1]);
});

Deno.test("DatagramLane.hold() keeps datagrams together until release()", async () => {
  const { lane: it, socket, add } = lane();
  const { calls, socket: all } = sendingAll(socket);
  it.open(all);
  it.hold();
  add("a");
  await settled();
  add("b");
  assertEquals(calls, []);
  it.release();
  assertEquals(calls, ["a b"]);
  it.hold();
  it.release();
  add("c");
  it.flush();
  assertEquals(calls, ["a b", "c"]);
  await settled();
  assertEquals(calls.length, 2);
});

Deno.test("DatagramLane tells each of those sent together of its own failure", async () => {
  const { lane: it, socket, log, add } = lane();
  const { calls, socket: all } = sendingAll(socket);
  it.open(all);
  for (const text of ["bad", "a", "bad", "bad", "b"]) add(text);
  await settled();
  assertEquals(calls, ["a", "b"]);
  assertEquals(log.filter((line) => !line.startsWith("settled")), [
    "bad unreachable",
    "a sent 1",
    "bad unreachable",
    "bad unreachable",
    "b sent 1",
  ]);
});

Deno.test("DatagramLane sends in order behind those that the system had no room for", async () => {
  const { lane: it, socket, log, add } = lane();
  const { calls, state, socket: all } = sendingAll(socket);
  it.open(all);
  state.room = 0;
  for (const text of ["a", "b", "c"]) add(text);
  await settled();
  assertEquals([calls, socket.sending.length, it.isBusy], [[], 1, true]);
  for (let i = 0; i < 20_000; i++) add("x");
  assertEquals(socket.sending.length, 1);
  state.room = Infinity;
  socket.sending[0]!.settle();
  await settled();
  assertEquals([calls[0], it.isEmpty], [["b", "c", ...Array(62).fill("x")].join(" "), true]);
  const sent = log.filter((line) => line.includes("sent"));
  assertEquals([sent.length, sent.filter((line) => line < "x")], [
    20_003,
    ["b sent 1", "c sent 1", "a sent 1"],
  ]);
});

Deno.test("DatagramLane sends what is added while others are told behind those that are left", async () => {
  const { lane: it, socket } = lane();
  const { calls, state, socket: all } = sendingAll(socket);
  it.open(all);
  const add = (text: string, onSent?: () => void) =>
    it.add({ bytes: bytesOf(text), target, onSent, onFailed: () => {} });
  add("a", () => {
    state.room = 0;
    add("last");
  });
  add("b");
  state.room = 1;
  await settled();
  assertEquals([calls, socket.sending.length], [["a"], 1]);
  state.room = Infinity;
  socket.sending[0]!.settle();
  await settled();
  assertEquals([calls, it.isEmpty], [["a", "last"], true]);
});

Deno.test("DatagramLane.takeAll() takes out those that are kept together", async () => {
  const { lane: it, socket, add } = lane();
  const { calls, socket: all } = sendingAll(socket);
  it.open(all);
  add("a");
  assertEquals([it.takeAll().length, it.isEmpty], [1, true]);
  await settled();
  assertEquals(calls, []);
});

Deno.test("DatagramLane fails what a socket that gives no promise does not send, and goes on", async () => {
  const { lane: it, socket, log, add } = lane();
  (socket as unknown as { send(): unknown }).send = () => undefined;
  it.open(socket);
  add("a");
  add("bc");
  await settled();
  assertEquals([it.sendsAtOnce, log], [true, [
    ...["settled 1 to 9", "a unreachable"],
    ...["settled 2 to 9", "bc unreachable"],
  ]]);
});

Deno.test("DatagramLane fails what a socket tells a count of that cannot be, and goes on", () => {
  for (const count of [2, -1, NaN, 0.5]) {
    const { lane: it, socket, log, add } = lane();
    let calls = 0;
    // It sends after a while: a test that never ends would tell nothing.
    const trySendAll = () => ++calls > 100 ? 1 : count;
    const trySend = ({ length }: Uint8Array) => length;
    it.open(Object.assign(socket, { trySendAll, trySend }));
    it.hold();
    add("a");
    it.release();
    assertEquals([calls, log.length, log.at(-1)], [1, 2, "a unreachable"]);
  }
});
