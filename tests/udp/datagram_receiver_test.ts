import { assertEquals } from "@std/assert";
import { DatagramReceiver, type DatagramSink } from "../../src/udp/datagram_receiver.ts";
import { DATAGRAMS_PER_TURN } from "../../src/udp/datagram_share.ts";
import { plainTurns, type Turn, type Turns } from "../../src/network/turns.ts";
import { ScriptedDatagramSocket, settled } from "../support/scripted_datagrams.ts";

class Sink implements DatagramSink {
  isWanting = true;
  readonly got: string[] = [];
  readonly broken: unknown[] = [];

  put(bytes: Uint8Array, { port }: { port: number }): void {
    this.got.push(`${new TextDecoder().decode(bytes)} < ${port}`);
  }

  onBroken(cause: unknown): void {
    this.broken.push(cause);
  }
}

Deno.test("DatagramReceiver receives while somebody wants something, one at a time", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  const receiver = new DatagramReceiver(socket, sink);
  receiver.go();
  receiver.go();
  assertEquals(socket.receives, 1);
  socket.deliver("a");
  await settled();
  assertEquals(socket.receives, 2);
  sink.isWanting = false;
  socket.deliver("b");
  await settled();
  assertEquals([socket.receives, sink.got], [2, ["a < 9", "b < 9"]]);
  receiver.go();
  assertEquals(socket.receives, 2);
  sink.isWanting = true;
  receiver.go();
  assertEquals(socket.receives, 3);
  socket.deliver("c");
  await settled();
  assertEquals(sink.got, ["a < 9", "b < 9", "c < 9"]);
});

Deno.test("DatagramReceiver goes on when a peer could not be reached", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  new DatagramReceiver(socket, sink).go();
  for (let i = 0; i < 99; i++) {
    socket.fail(new Deno.errors[i % 2 === 0 ? "ConnectionReset" : "ConnectionRefused"]("10054"));
    await settled();
  }
  socket.deliver("still here");
  await settled();
  socket.fail(new Deno.errors.ConnectionReset("10054"));
  await settled();
  assertEquals([sink.got, sink.broken, socket.isReceiving], [["still here < 9"], [], true]);
});

Deno.test("DatagramReceiver gives up after a hundred failures in a row", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  new DatagramReceiver(socket, sink).go();
  const error = new Deno.errors.ConnectionReset("10054");
  for (let i = 0; i < 100; i++) {
    socket.fail(error);
    await settled();
  }
  assertEquals([sink.broken, socket.isReceiving], [[error], false]);
});

Deno.test("DatagramReceiver tells of any other failure at once", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  new DatagramReceiver(socket, sink).go();
  const error = new Error("the network card is on fire");
  socket.fail(error);
  await settled();
  assertEquals(sink.broken, [error]);
});

Deno.test("DatagramReceiver.stop() resolves when nothing is under way, and tells nobody", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  const receiver = new DatagramReceiver(socket, sink);
  receiver.go();
  let isOver = false;
  const stopped = receiver.stop().then(() => isOver = true);
  await settled();
  assertEquals(isOver, false);
  socket.close();
  await stopped;
  receiver.go();
  assertEquals([sink.broken, socket.receives], [[], 1]);
  await new DatagramReceiver(socket, sink).stop();
});

Deno.test("DatagramReceiver.stop() drops what comes while it waits", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  const receiver = new DatagramReceiver(socket, sink);
  receiver.go();
  const stopped = receiver.stop();
  socket.deliver("late");
  await stopped;
  assertEquals([sink.got, socket.receives], [[], 1]);
});

/** Turns that come when the test says so. */
function scriptedTurns(): { turns: Turns; asked: Turn[] } {
  const asked: Turn[] = [];
  const turns: Turns = {
    read(turn, streamed) {
      assertEquals(streamed, Infinity);
      asked.push(turn);
      return true;
    },
    write() {},
  };
  return { turns, asked };
}

async function flood(socket: ScriptedDatagramSocket, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    socket.deliver("x");
    await settled();
  }
}

Deno.test("DatagramReceiver that is flooded steps back and loses nothing", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  const { turns, asked } = scriptedTurns();
  const receiver = new DatagramReceiver(socket, sink, turns);
  receiver.go();
  for (let round = 1; round <= 3; round++) {
    await flood(socket, DATAGRAMS_PER_TURN - 1);
    assertEquals([socket.isReceiving, asked.length], [true, 0]);
    await flood(socket, 1);
    receiver.go();
    assertEquals([socket.isReceiving, asked.length], [false, 1]);
    asked.shift()!.begin();
    assertEquals([socket.isReceiving, sink.got.length], [true, round * DATAGRAMS_PER_TURN]);
  }
});

Deno.test("DatagramReceiver.stop() waits for the turn of a receiver that stepped back", async () => {
  const socket = new ScriptedDatagramSocket();
  const { turns, asked } = scriptedTurns();
  const receiver = new DatagramReceiver(socket, new Sink(), turns);
  receiver.go();
  await flood(socket, DATAGRAMS_PER_TURN);
  let isStopped = false;
  const stopped = receiver.stop().then(() => isStopped = true);
  await settled();
  assertEquals(isStopped, false);
  asked.shift()!.begin();
  await stopped;
  assertEquals(socket.isReceiving, false);
});

Deno.test("DatagramReceiver.stop() waits for what was begun in a turn that came at once", async () => {
  const socket = new ScriptedDatagramSocket();
  const receiver = new DatagramReceiver(socket, new Sink(), plainTurns);
  receiver.go();
  await flood(socket, DATAGRAMS_PER_TURN);
  assertEquals(socket.isReceiving, true);
  let isStopped = false;
  const stopped = receiver.stop().then(() => isStopped = true);
  await settled();
  assertEquals(isStopped, false);
  socket.close();
  await stopped;
});
