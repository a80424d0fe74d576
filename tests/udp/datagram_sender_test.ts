import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatagramSender } from "../../src/udp/datagram_sender.ts";
import { GenericError, SocketError } from "../../src/base/errors.ts";
import { HostNames } from "../../src/udp/host_names.ts";
import type { DatagramSocket } from "../../src/network/network.ts";
import { DatagramTraffic } from "../../src/udp/udp_stats.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import {
  scriptedDatagrams,
  ScriptedDatagramSocket,
  scriptedSockets,
  settled,
} from "../support/scripted_datagrams.ts";

const encoder = new TextEncoder();

function sender(limit = 1_000_000, clock = new VirtualClock()) {
  const network = scriptedDatagrams(clock);
  const socket = new ScriptedDatagramSocket();
  const traffic = new DatagramTraffic();
  const sender = new DatagramSender(new HostNames(network), limit, traffic, plainTurns);
  const send = (content: string, host = "10.0.0.1", port = 9) =>
    sender.send(encoder.encode(content), host, port);
  return { sender, socket, network, send, clock, traffic };
}

Deno.test("DatagramSender has one send under way and keeps the order", async () => {
  const { sender: it, socket, send } = sender();
  socket.sendsAtOnce = false;
  const sent = ["a", "b", "c"].map((word) => send(word));
  assertEquals(socket.sending.length, 0);
  it.open(socket, socket.addr.hostname);
  sent.push(send("d", "10.0.0.2", 8));
  for (let i = 0; i < 4; i++) {
    assertEquals(socket.sending.length, 1);
    socket.sending[0]!.settle();
    await sent[i];
  }
  assertEquals(socket.sent, [
    "a > 10.0.0.1:9",
    "b > 10.0.0.1:9",
    "c > 10.0.0.1:9",
    "d > 10.0.0.2:8",
  ]);
});

Deno.test("DatagramSender sends every content as it was, of any length", async () => {
  const { sender: it, socket } = sender(Infinity);
  socket.sendsAtOnce = false;
  it.open(socket, socket.addr.hostname);
  const content = new Uint8Array(65_507);
  const lengths = [0, 1, 64, 2_047, 2_049, 20_000, 1_400, 65_507, 16_384, 3];
  for (let i = 0; i < 200; i++) {
    content.fill(i);
    it.send(content.subarray(0, lengths[i % 10]), "10.0.0.1", 9);
  }
  content.fill(255);
  for (let i = 0; i < 200; i++) {
    const { bytes, settle } = socket.sending[0]!;
    assertEquals(bytes.length, lengths[i % 10]);
    assertEquals(bytes.every((byte) => byte === i), true, `datagram ${i}`);
    settle();
    await settled();
  }
  assertEquals(it.queuedBytes, 0);
});

Deno.test("DatagramSender.send() fails alone", async () => {
  const { sender: it, socket, send } = sender();
  socket.sendsAtOnce = false;
  it.open(socket, socket.addr.hostname);
  const [first, second] = [send("a"), send("b")];
  send("nobody waits for this one");
  socket.sending[0]!.settle(
    new Deno.errors.NotCapable("Requires net access, run with --allow-net"),
  );
  const error = await assertRejects(() => first, SocketError);
  assertEquals([error.code, error.message], [
    "denied",
    "Cannot send to 10.0.0.1:9: no permission, run with --allow-net",
  ]);
  socket.sending[0]!.settle();
  assertEquals(await second, 1);
  socket.sending[0]!.settle(new Deno.errors.Interrupted("operation canceled"));
  await settled();
  assertEquals(it.queuedBytes, 0);
});

Deno.test("DatagramSender.post() tells only what goes wrong", async () => {
  const { sender: it, socket } = sender(600);
  socket.sendsAtOnce = false;
  it.open(socket, socket.addr.hostname);
  const errors: string[] = [];
  const post = (word: string) =>
    it.post(encoder.encode(word), "10.0.0.1", 9, ({ code }) => errors.push(`${word} ${code}`));
  for (const word of ["a", "b", "c"]) post(word);
  assertEquals(errors, ["c overflow"]);
  socket.sending[0]!.settle();
  await settled();
  socket.sending[0]!.settle(new Deno.errors.NetworkUnreachable("no route"));
  await settled();
  it.end(new GenericError("closed", "over"));
  post("d");
  assertEquals(errors, ["c overflow", "b unreachable", "d closed"]);
});

Deno.test("DatagramSender looks a name up once, and holds up nobody else", async () => {
  const { sender: it, socket, network, send } = sender();
  it.open(socket, socket.addr.hostname);
  const slow = [send("1", "slow.example"), send("2", "slow.example")];
  await send("a");
  send("fast", "fast.example");
  assertEquals(network.lookups.map(({ name }) => name), ["slow.example:9 4", "fast.example:9 4"]);
  network.lookups[1]!.answer({ addresses: ["10.0.0.3"], isDirect: true });
  await settled();
  network.lookups[0]!.answer({ addresses: ["10.0.0.2"], isDirect: true });
  assertEquals(await Promise.all(slow), [1, 1]);
  await send("3", "slow.example");
  await send("4", "slow.example");
  assertEquals(network.lookups.length, 2);
  assertEquals(socket.sent, [
    "a > 10.0.0.1:9",
    "fast > 10.0.0.3:9",
    "1 > 10.0.0.2:9",
    "2 > 10.0.0.2:9",
    "3 > 10.0.0.2:9",
    "4 > 10.0.0.2:9",
  ]);
});

Deno.test("DatagramSender looks a name up again when it was remembered long enough", async () => {
  const { sender: it, socket, network, send, clock } = sender();
  it.open(socket, socket.addr.hostname);
  for (const address of ["10.0.0.2", "10.0.0.3"]) {
    const sent = send("x", "a.example");
    network.lookups.at(-1)!.answer({ addresses: [address], isDirect: true });
    await sent;
    await clock.advance(10_000);
  }
  assertEquals(socket.sent, ["x > 10.0.0.2:9", "x > 10.0.0.3:9"]);
});

Deno.test("DatagramSender leaves a name to the runtime where it may not look it up", async () => {
  const { sender: it, socket, network, send } = sender();
  it.open(socket, socket.addr.hostname);
  socket.sendsAtOnce = false;
  const sent = [send("1", "a.example"), send("2", "a.example")];
  network.lookups[0]!.answer({ addresses: [], isDirect: false });
  await settled();
  sent.push(send("3", "a.example"), send("4"));
  // In order among themselves, beside those to addresses.
  assertEquals(socket.sending.map(({ address }) => address.hostname), ["a.example", "10.0.0.1"]);
  for (let i = 0; i < 3; i++) {
    socket.sending.find(({ address }) => address.hostname === "a.example")!.settle();
    await sent[i];
  }
  const later = send("5", "a.example");
  socket.sending.at(-1)!.settle();
  await later;
  socket.sending[0]!.settle();
  await sent[3];
  assertEquals(network.lookups.length, 1);
  assertEquals(socket.sent, [
    "1 > a.example:9",
    "2 > a.example:9",
    "3 > a.example:9",
    "5 > a.example:9",
    "4 > 10.0.0.1:9",
  ]);
});

Deno.test("DatagramSender fails all that wait for a name that there is not", async () => {
  const { sender: it, socket, network, send } = sender();
  const sent = [send("1", "a.example"), send("2", "a.example")];
  it.open(socket, socket.addr.hostname);
  network.lookups[0]!.answer(new Error("no such host"));
  for (const each of sent) {
    const error = await assertRejects(() => each, SocketError);
    assertEquals([error.code, error.message], [
      "unreachable",
      "Cannot send to a.example:9: no such host",
    ]);
  }
  assertEquals(it.queuedBytes, 0);
  await it.drained();
});

Deno.test("DatagramSender.abort() gives up what was not begun", async () => {
  const { sender: it, socket, network, send } = sender();
  it.open(socket, socket.addr.hostname);
  socket.sendsAtOnce = false;
  const sent = [send("1"), send("2"), send("3", "a.example")];
  let isDrained = false;
  const drained = it.drained().then(() => isDrained = true);
  const closed = new GenericError("closed", "Cannot send: already closed");
  it.abort(closed);
  for (const each of sent.slice(1)) {
    assertEquals(await assertRejects(() => each, GenericError), closed);
  }
  assertEquals(isDrained, false);
  socket.sending[0]!.settle();
  assertEquals(await sent[0], 1);
  await drained;
  network.lookups[0]!.answer({ addresses: ["10.0.0.2"], isDirect: true });
  await settled();
  assertEquals(await assertRejects(() => send("4"), GenericError), closed);
  assertEquals(socket.sent, ["1 > 10.0.0.1:9"]);
});

Deno.test("DatagramSender keeps the order of thousands", async () => {
  const { sender: it, socket } = sender(Infinity);
  const words = Array.from({ length: 5_000 }, (_, i) => `${i}`);
  const sent = words.map((word) => it.send(encoder.encode(word), "10.0.0.1", 9));
  it.open(socket, socket.addr.hostname);
  await Promise.all(sent);
  assertEquals(socket.sent.map((line) => line.split(" ")[0]), words);
});

Deno.test("DatagramSender lets one datagram wait whatever the limit, and no one need wait for the next", async () => {
  const { sender: it, socket, send } = sender(0);
  const first = send("long enough");
  send("refused, and nobody waits");
  it.open(socket, socket.addr.hostname);
  assertEquals(await first, 11);
  assertEquals(await send("again"), 5);
  assertEquals(socket.sent, ["long enough > 10.0.0.1:9", "again > 10.0.0.1:9"]);
});

Deno.test("DatagramSender keeps the order of a name while its lane is busy", async () => {
  const { sender: it, socket, network, send } = sender();
  it.open(socket, socket.addr.hostname);
  socket.sendsAtOnce = false;
  const sent = [send("1", "a.example"), send("2", "a.example")];
  network.lookups[0]!.answer({ addresses: [], isDirect: false });
  await settled();
  socket.sending[0]!.settle();
  await sent[0];
  sent.push(send("3", "a.example"));
  assertEquals(socket.sending.length, 1);
  socket.sending[0]!.settle();
  await sent[1];
  socket.sending[0]!.settle();
  await sent[2];
  assertEquals(socket.sent.map((line) => line[0]), ["1", "2", "3"]);
});

Deno.test("DatagramSender does not count what it refused because its buffer was transferred", async () => {
  const { sender: it, socket, send } = sender(1_000);
  it.open(socket, socket.addr.hostname);
  const content = new Uint8Array(300);
  structuredClone(content.buffer, { transfer: [content.buffer] });
  for (let i = 0; i < 20; i++) {
    assertThrows(() => it.send(content, "10.0.0.1", 9), TypeError);
    assertThrows(() => it.post(content, "10.0.0.1", 9, () => {}), TypeError);
  }
  assertEquals(it.queuedBytes, 0);
  await send("x");
  await it.drained();
  assertEquals(socket.sent, ["x > 10.0.0.1:9"]);
});

Deno.test("DatagramSender on :: looks names up for both families", async () => {
  const { sender: it, network } = sender();
  const target = { hostname: "::", port: 0 };
  it.open(new ScriptedDatagramSocket(target), target.hostname);
  const sent = it.send(encoder.encode("x"), "a.example", 9);
  assertEquals(network.lookups[0]!.name, "a.example:9 0");
  network.lookups[0]!.answer({ addresses: ["10.0.0.1"], isDirect: true });
  assertEquals(await sent, 1);
});

Deno.test("DatagramSender counts what has left, and nothing else", async () => {
  for (const canTry of [false, true]) {
    scriptedSockets.canTry = canTry;
    const { sender: it, socket, send, traffic } = sender(1_000);
    scriptedSockets.canTry = false;
    const counts = () => [traffic.sent, traffic.sentBytes];
    it.open(socket, socket.addr.hostname);
    await send("ab");
    assertEquals(counts(), [1, 2]);
    socket.sendsAtOnce = false;
    const sent = [send("c"), send("four"), send("eleven")];
    assertEquals(counts(), [1, 2]);
    socket.sending[0]!.settle();
    await sent[0];
    assertEquals(counts(), [2, 3]);
    socket.sending[0]!.settle(new Deno.errors.NetworkUnreachable("no route"));
    await assertRejects(() => sent[1]!, SocketError);
    it.abort(new GenericError("closed", "over"));
    socket.sending[0]!.settle();
    await sent[2];
    assertEquals(counts(), [3, 9]);
    await assertRejects(() => send("refused"), SocketError);
    assertEquals(counts(), [3, 9]);
  }
});

Deno.test("DatagramSender.tryPost() says no when the system has refused the limit, and harms nothing", async () => {
  const { sender: it, socket } = sender(800);
  const post = () => it.tryPost([new Uint8Array(44)], it.targetOf("10.0.0.1", 9));
  it.open(socket, socket.addr.hostname);
  socket.sendsAtOnce = false;
  // What was written just now makes nobody slow.
  assertEquals(Array.from({ length: 5 }, post), [true, true, true, true, true]);
  await settled();
  assertEquals([post(), it.queuedBytes], [false, 1_500]);
  assertEquals(
    it.tryPost([new Uint8Array(1), new Uint8Array(2)], it.targetOf("10.0.0.1", 9)),
    false,
  );
  while (socket.sending.length > 0) {
    socket.sending[0]!.settle();
    await settled();
  }
  assertEquals([post(), it.queuedBytes], [true, 300]);
  socket.sending[0]!.settle();
  await settled();
  assertEquals(socket.sent.length, 6);
  it.end(new GenericError("closed", "no more"));
  assertEquals(post(), false);
});

Deno.test("DatagramSender.whenBelow() waits for what is queued, and rejects when it ends", async () => {
  const { sender: it, socket, send, clock } = sender();
  const limits = { below: 1, signal: undefined, timeoutInMillis: Infinity };
  const drained = (owner = {}) => it.whenBelow(limits, clock, owner);
  it.open(socket, socket.addr.hostname);
  await drained();
  socket.sendsAtOnce = false;
  void send("a");
  const emptied = drained();
  socket.sending[0]!.settle();
  await emptied;
  void send("b");
  const owner = {};
  const [mine, other] = [drained(owner), drained()];
  it.endWaits(owner, new GenericError("timed-out", "idle"));
  await assertRejects(() => mine, GenericError, "idle");
  it.abort(new GenericError("closed", "gone"));
  await assertRejects(() => other, GenericError, "gone");
  socket.sending[0]!.settle();
  await settled();
  await assertRejects(() => drained(), GenericError, "gone");
});

Deno.test("DatagramSender sends those of one turn with few calls, short and long ones", async () => {
  for (const [length, most] of [[64, 2], [1_400, 3]] as const) {
    const { sender: it, socket } = sender();
    const sent: Uint8Array[][] = [];
    const trySendAll: DatagramSocket["trySendAll"] = (datagrams, first) => {
      sent.push(datagrams.slice(first).map(({ bytes }) => bytes.slice()));
      return datagrams.length - first;
    };
    it.open(Object.assign(socket, { trySendAll }), socket.addr.hostname);
    for (let turn = 0; turn < 3; turn++) {
      const content = new Uint8Array(length);
      for (let i = 0; i < 100; i++) it.post(content.fill(i), "10.0.0.1", 9, () => {});
      await settled();
      assertEquals(it.queuedBytes, 0);
      if (turn > 0) assertEquals(sent.length <= most, true, `${sent.length} calls`);
      const all = sent.splice(0).flat();
      assertEquals(all.map((bytes) => bytes[0]), Array.from({ length: 100 }, (_, i) => i));
      assertEquals(all.every((bytes) => bytes.length === length), true);
    }
  }
});
