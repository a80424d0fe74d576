import { assertEquals, assertStringIncludes } from "@std/assert";
import { DatagramReceiver, type DatagramSink } from "../../src/udp/datagram_receiver.ts";
import { DATAGRAMS_PER_TURN } from "../../src/udp/datagram_share.ts";
import type { DatagramSocket } from "../../src/network/network.ts";
import { plainTurns, type Turn, type Turns } from "../../src/network/turns.ts";
import { ScriptedDatagramSocket, settled } from "../support/scripted_datagrams.ts";
import { hostOf } from "../support/share_host.ts";

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
  const receiver = new DatagramReceiver(socket, sink, hostOf(plainTurns));
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

Deno.test("DatagramReceiver lets the program end while what it receives is not wanted", async () => {
  const held: boolean[] = [];
  const socket = Object.assign(new ScriptedDatagramSocket(), {
    holdProgram: (isHeld: boolean) => void held.push(isHeld),
  });
  const sink = new Sink();
  const receiver = new DatagramReceiver(socket, sink, hostOf(plainTurns));
  // One at a time: nothing is under way in between, so there is nothing to say.
  for (let i = 0; i < 3; i++) {
    sink.isWanting = true;
    receiver.go();
    sink.isWanting = false;
    socket.deliver("x");
    await settled();
    receiver.go();
  }
  assertEquals([socket.receives, held], [3, []]);
  sink.isWanting = true;
  receiver.go();
  sink.isWanting = false;
  receiver.go();
  receiver.go();
  assertEquals([socket.isReceiving, held.splice(0)], [true, [false]]);
  sink.isWanting = true;
  receiver.go();
  receiver.go();
  assertEquals([socket.receives, held.splice(0)], [4, [true]]);
  sink.isWanting = false;
  receiver.go();
  // What was not wanted has come: the next receive is held again.
  socket.deliver("y");
  await settled();
  sink.isWanting = true;
  receiver.go();
  assertEquals([socket.receives, held.splice(0)], [5, [false, true]]);
  sink.isWanting = false;
  receiver.go();
  // Whoever waits for the end must live to see it.
  const stopping = receiver.stop();
  assertEquals(held, [false, true]);
  socket.close();
  await stopping;
});

Deno.test("DatagramReceiver goes on when a peer could not be reached", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  new DatagramReceiver(socket, sink, hostOf(plainTurns)).go();
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
  new DatagramReceiver(socket, sink, hostOf(plainTurns)).go();
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
  new DatagramReceiver(socket, sink, hostOf(plainTurns)).go();
  const error = new Error("the network card is on fire");
  socket.fail(error);
  await settled();
  assertEquals(sink.broken, [error]);
});

Deno.test("DatagramReceiver.stop() resolves when nothing is under way, and tells nobody", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  const receiver = new DatagramReceiver(socket, sink, hostOf(plainTurns));
  receiver.go();
  let isOver = false;
  const stopped = receiver.stop().then(() => isOver = true);
  await settled();
  assertEquals(isOver, false);
  socket.close();
  await stopped;
  receiver.go();
  assertEquals([sink.broken, socket.receives], [[], 1]);
  await new DatagramReceiver(socket, sink, hostOf(plainTurns)).stop();
});

Deno.test("DatagramReceiver.stop() drops what comes while it waits", async () => {
  const socket = new ScriptedDatagramSocket();
  const sink = new Sink();
  const receiver = new DatagramReceiver(socket, sink, hostOf(plainTurns));
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
  const receiver = new DatagramReceiver(socket, sink, hostOf(turns));
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

for (const kind of ["promise", "attempt", "batch"]) {
  Deno.test(`DatagramReceiver steps back sooner where datagrams take long, by ${kind}`, async () => {
    const sink = Object.assign(new Sink(), { tookMillis: () => 2 * shares.at(-1)! });
    const shares: number[] = [];
    const { turns, asked } = scriptedTurns();
    const scripted = new ScriptedDatagramSocket();
    const waiting = Array.from({ length: 1_000 }, () => "x");
    const tried = kind === "batch" ? batchSocket(waiting).socket : triedSocket(waiting);
    const socket = kind === "promise" ? scripted : tried as unknown as DatagramSocket;
    const receiver = new DatagramReceiver(socket, sink, hostOf(turns));
    receiver.go();
    for (let share = 0; share < 3; share++) {
      const before = sink.got.length;
      if (kind === "promise") { while (asked.length === 0) await flood(scripted, 1); }
      else tried.wake();
      shares.push(sink.got.length - before);
      asked.shift()!.begin();
    }
    assertEquals(shares, [DATAGRAMS_PER_TURN, 4, 4]);
  });
}

Deno.test("DatagramReceiver.stop() waits for the turn of a receiver that stepped back", async () => {
  const socket = new ScriptedDatagramSocket();
  const { turns, asked } = scriptedTurns();
  const receiver = new DatagramReceiver(socket, new Sink(), hostOf(turns));
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
  const receiver = new DatagramReceiver(socket, new Sink(), hostOf(plainTurns));
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

/** A socket of which datagrams are received without a promise; what waits and how often was asked are told. */
function triedSocket(waiting: string[]) {
  let onReadable: (() => void) | undefined;
  const socket = {
    asked: 0,
    whenReadable: (callback: () => void) => void (onReadable = callback),
    tryReceive(buffer: Uint8Array<ArrayBuffer>) {
      socket.asked++;
      const text = waiting.shift();
      if (text === "broken") throw new Error("the network card is on fire");
      if (text === undefined) return undefined;
      const { written } = new TextEncoder().encodeInto(text, buffer);
      return [buffer.subarray(0, written), { transport: "udp", hostname: "127.0.0.1", port: 9 }];
    },
    get isAwaited() {
      return onReadable !== undefined;
    },
    wake() {
      const callback = onReadable!;
      onReadable = undefined;
      callback();
    },
  };
  return socket;
}

Deno.test("DatagramReceiver receives all that is there where no promise is needed", async () => {
  const waiting = ["a", "b", "c"];
  const socket = triedSocket(waiting);
  const sink = new Sink();
  const receiver = new DatagramReceiver(
    socket as unknown as DatagramSocket,
    sink,
    hostOf(plainTurns),
  );
  receiver.go();
  receiver.go();
  assertEquals([socket.asked, sink.got], [0, []]);
  socket.wake();
  assertEquals([sink.got, socket.isAwaited], [["a < 9", "b < 9", "c < 9"], true]);
  // Nothing is under way that would have to be waited for.
  await receiver.stop();
  waiting.push("late");
  socket.wake();
  assertEquals([sink.got.length, socket.isAwaited], [3, false]);
});

Deno.test("DatagramReceiver that needs no promise stops when nobody wants more, and steps back", () => {
  const waiting = Array.from({ length: 2 * DATAGRAMS_PER_TURN }, () => "x");
  const socket = triedSocket(waiting);
  const sink = new Sink();
  const { turns, asked } = scriptedTurns();
  const receiver = new DatagramReceiver(socket as unknown as DatagramSocket, sink, hostOf(turns));
  receiver.go();
  socket.wake();
  assertEquals([sink.got.length, asked.length, socket.isAwaited], [DATAGRAMS_PER_TURN, 1, false]);
  asked.shift()!.begin();
  sink.put = () => void (sink.isWanting = false);
  socket.wake();
  assertEquals([waiting.length, socket.isAwaited], [DATAGRAMS_PER_TURN - 1, false]);
  sink.isWanting = true;
  waiting.unshift("broken");
  receiver.go();
  socket.wake();
  assertEquals([sink.broken.length, socket.isAwaited], [1, false]);
});

/** A socket that hands out many at a time; `refused` is told as the system tells it. */
function batchSocket(waiting: string[]) {
  const calls: number[] = [];
  const { tryReceive: _, ...tried } = triedSocket(waiting);
  const bytes = new Uint8Array(64);
  const socket: DatagramSocket & { wake(): void; readonly isAwaited: boolean } = Object.assign(
    tried as unknown as DatagramSocket & { wake(): void; readonly isAwaited: boolean },
    {
      hearOnly() {},
      tryReceiveAll: ((most, put) => {
        calls.push(most);
        for (let count = 0; count < most; count++) {
          const text = waiting.shift();
          if (text === undefined) return count;
          if (text === "refused") throw new Deno.errors.ConnectionRefused("os error 111");
          if (text === "broken") throw new Error("the network card is on fire");
          const { written } = new TextEncoder().encodeInto(text, bytes);
          const from = { transport: "udp", hostname: "127.0.0.1", port: 9 } as const;
          if (!put(bytes.subarray(0, written), from)) return count + 1;
          bytes.fill(0);
        }
        return most;
      }) satisfies DatagramSocket["tryReceiveAll"],
    },
  );
  return { socket, calls };
}

Deno.test("DatagramReceiver takes a batch while it is wanted, and says where it begins and ends", () => {
  const waiting = ["a", "b", "c"];
  const { socket, calls } = batchSocket(waiting);
  const sink = new Sink();
  const seen: string[] = [];
  const receiver = new DatagramReceiver(
    socket,
    Object.assign(sink, {
      beginBatch: () => seen.push("begin"),
      endBatch: () => seen.push(`end ${sink.got.length}`),
    }),
    hostOf(plainTurns),
  );
  receiver.go();
  // In the meantime nobody wants any more.
  sink.isWanting = false;
  const wake = () => socket.wake();
  wake();
  assertEquals([seen, calls], [[], []]);
  sink.isWanting = true;
  receiver.go();
  wake();
  assertEquals([seen, calls], [["begin", "end 3"], [DATAGRAMS_PER_TURN]]);
  const put = sink.put.bind(sink);
  sink.put = (bytes, from) => {
    put(bytes, from);
    sink.isWanting = false;
  };
  waiting.push("d", "e");
  wake();
  assertEquals([sink.got.at(-1), waiting], ["d < 9", ["e"]]);
});

Deno.test("DatagramReceiver that takes batches steps back after its share", () => {
  const waiting = Array.from({ length: DATAGRAMS_PER_TURN + 1 }, () => "x");
  const { socket, calls } = batchSocket(waiting);
  const { turns, asked } = scriptedTurns();
  const sink = new Sink();
  const receiver = new DatagramReceiver(socket, sink, hostOf(turns));
  receiver.go();
  socket.wake();
  assertEquals([waiting.length, asked.length], [1, 1]);
  asked.shift()!.begin();
  socket.wake();
  assertEquals([waiting.length, calls], [0, [DATAGRAMS_PER_TURN, DATAGRAMS_PER_TURN]]);
});

Deno.test("DatagramReceiver goes on after any number of refusals of the peer, and tells each", async () => {
  const waiting: string[] = [];
  const { socket } = batchSocket(waiting);
  let refusals = 0;
  const sink = Object.assign(new Sink(), { onRefused: () => refusals++ });
  const receiver = new DatagramReceiver(socket, sink, hostOf(plainTurns));
  receiver.go();
  for (let i = 0; i < 200; i++) {
    waiting.push("refused");
    socket.wake();
  }
  waiting.push("still here");
  socket.wake();
  assertEquals([refusals, sink.got, sink.broken], [200, ["still here < 9"], []]);
  waiting.push("broken");
  socket.wake();
  assertEquals([sink.broken.length, socket.isAwaited], [1, false]);
  await receiver.stop();
});

Deno.test("DatagramReceiver.lendable() is in memory that may be lent", () => {
  const { socket } = batchSocket(["ab", "cd", "efg"]);
  const sink = new Sink();
  const lent: Uint8Array<ArrayBuffer>[] = [];
  const receiver = new DatagramReceiver(socket, sink, hostOf(plainTurns));
  sink.put = (bytes) => {
    lent.push(receiver.lendable(bytes as Uint8Array<ArrayBuffer>));
    if (lent.length === 1) receiver.leaveBuffer();
  };
  receiver.go();
  socket.wake();
  assertEquals(lent.map((bytes) => new TextDecoder().decode(bytes)), ["ab", "ef", "efg"]);
  assertEquals(lent[0]!.buffer === lent[1]!.buffer, false);
  // Transferred away: others get memory of their own.
  structuredClone(lent[2], { transfer: [lent[2]!.buffer] });
  assertEquals(receiver.lendable(new Uint8Array([104])), new Uint8Array([104]));
});

for (const canTry of [false, true]) {
  Deno.test(`DatagramReceiver takes what is no datagram for a broken socket (${canTry ? "tried" : "received"})`, async () => {
    const wrong: unknown[] = [undefined, 5, [], [new Uint8Array(1)], ["text", { hostname: "::1" }]];
    for (const given of canTry ? wrong.slice(1) : wrong) {
      const socket = new ScriptedDatagramSocket() as DatagramSocket;
      socket.receive = () => Promise.resolve(given as never);
      if (canTry) {
        socket.tryReceive = () => given as never;
        socket.whenReadable = queueMicrotask;
      }
      const sink = new Sink();
      const receiver = new DatagramReceiver(socket, sink, hostOf(plainTurns));
      receiver.go();
      await settled();
      assertEquals([sink.got.length, sink.broken.length], [0, 1]);
      assertStringIncludes(String(sink.broken[0]), "gives the bytes and their sender; it gave");
      await receiver.stop();
    }
  });
}

Deno.test("DatagramReceiver takes a receive that throws or gives no promise for a broken socket", async () => {
  const throwing = () => {
    throw new Error("not now");
  };
  for (const receive of [throwing, () => undefined]) {
    const socket = new ScriptedDatagramSocket() as DatagramSocket;
    socket.receive = receive as unknown as DatagramSocket["receive"];
    const sink = new Sink();
    const receiver = new DatagramReceiver(socket, sink, hostOf(plainTurns));
    receiver.go();
    await settled();
    assertEquals(sink.broken.length, 1);
    await receiver.stop();
  }
});
