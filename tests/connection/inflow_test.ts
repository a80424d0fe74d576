import { assertEquals, assertStringIncludes } from "@std/assert";
import { Inflow, type InflowHost } from "../../src/connection/inflow.ts";
import { GenericError, type SocketError } from "../../src/base/errors.ts";
import type { Transport } from "../../src/network/network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import {
  end,
  pause,
  reset,
  scriptedTransport,
  silence,
  type Step,
  VirtualClock,
} from "../../testing/mod.ts";

function inflow(script: (string | Step)[], canTry: boolean) {
  const clock = new VirtualClock();
  const peer = scriptedTransport(script, { clock, canTry });
  const log: string[] = [];
  const host: InflowHost = {
    onReadHeld: () => log.push("held"),
    onReadBegin: () => log.push("begin"),
    onMore: () => log.push("more"),
    onBytes: (bytes) => log.push(new TextDecoder().decode(bytes)),
    onEnd: () => log.push("end"),
    onFailure: ({ code }) => log.push(code),
  };
  return { clock, peer, log, it: new Inflow(peer, { clock, turns: plainTurns }, host) };
}

for (const canTry of [false, true]) {
  const how = canTry ? "without promises" : "with promises";
  Deno.test(`Inflow reads once for each time that it is asked (${how})`, async () => {
    const { clock, log, it } = inflow(["ab", "cd", end()], canTry);
    for (let i = 0; i < 3; i++) {
      assertEquals([it.ask(), it.ask(), it.isReading], [true, false, true]);
      await clock.settle();
    }
    assertEquals(log, ["begin", "ab", "begin", "cd", "begin", "end"]);
    assertEquals([it.bytesRead, it.isDone, it.isReading, it.ask()], [4, true, false, false]);
  });

  Deno.test(`Inflow that is paused does not read, and goes on with another transport (${how})`, async () => {
    const { clock, log, it } = inflow(["ab", reset()], canTry);
    it.pause();
    assertEquals(it.ask(), false);
    it.resume(scriptedTransport(["other", reset()], { clock, canTry }));
    for (let i = 0; i < 2; i++) {
      it.ask();
      await clock.settle();
    }
    assertEquals([log, it.isDone], [["begin", "other", "begin", "broken"], true]);
  });

  Deno.test(`Inflow counts nothing that comes when its transport is freed (${how})`, async () => {
    const { clock, log, it } = inflow(["ab", pause(10), "late"], canTry);
    for (let i = 0; i < 2; i++) {
      it.ask();
      await clock.settle();
    }
    it.retire();
    await clock.advance(10);
    assertEquals([log, it.bytesRead, it.isReading], [["begin", "ab", "begin"], 2, false]);
  });

  Deno.test(`Inflow has caught up when all has been read that had come (${how})`, async () => {
    const { clock, it } = inflow(["ab", pause(10), "late"], canTry);
    it.catchUp();
    assertEquals(it.isCaughtUp, false);
    it.ask();
    await clock.settle();
    // An end may lie right behind.
    assertEquals([it.isCaughtUp, it.isLate(2), it.isLate(0)], [false, false, true]);
    it.ask();
    await it.lookForMore();
    assertEquals(it.isCaughtUp, true);
    await clock.advance(10);
    assertEquals([it.isLate(4), it.isLate(5)], [true, false]);
  });
}

for (const canTry of [false, true]) {
  Deno.test(`Inflow takes a count that cannot be as a failure (${canTry ? "tried" : "read"})`, async () => {
    const TOO_FEW = "at least 1, or null at the end; it gave";
    const wrong: [count: unknown, message: string][] = [
      [0, `${TOO_FEW} 0`],
      [-1, `${TOO_FEW} -1`],
      [NaN, `${TOO_FEW} NaN`],
      [1.5, `${TOO_FEW} 1.5`],
      ["5", `${TOO_FEW} "5"`],
      [5n, `${TOO_FEW} 5n`],
      [513, "at most the 512 asked for; it gave 513"],
      [2 ** 40, "at most the 512 asked for; it gave 1099511627776"],
    ];
    for (const [given, expected] of wrong) {
      const count = given as number;
      const transport: Transport = scriptedTransport([], { clock: new VirtualClock(), canTry });
      transport.read = () => Promise.resolve(count);
      if (canTry) {
        transport.tryRead = () => count;
        transport.whenReadable = queueMicrotask;
      }
      const { promise, resolve } = Promise.withResolvers<SocketError>();
      const host: InflowHost = {
        onReadHeld() {},
        onReadBegin() {},
        onMore() {},
        onBytes: () => resolve(new GenericError("broken", "it was taken for bytes")),
        onEnd() {},
        onFailure: resolve,
      };
      const it = new Inflow(transport, { clock: new VirtualClock(), turns: plainTurns }, host);
      it.ask();
      const { code, message } = await promise;
      assertEquals([code, it.isDone, it.bytesRead], ["broken", true, 0]);
      assertStringIncludes(message, expected);
    }
  });
}

Deno.test("Inflow takes a read that gives no promise as a failure", async () => {
  for (const given of [undefined, 5]) {
    const { it, peer, log } = inflow([], false);
    (peer as unknown as { read(): unknown }).read = () => given;
    it.ask();
    await Promise.resolve();
    assertEquals([log, it.isDone], [["begin", "broken"], true]);
  }
});

Deno.test("Inflow counts what has arrived and cannot be read yet, and says so during a read", async () => {
  const { clock, peer, log, it } = inflow(["ab", silence()], false);
  const arriving: { length: number; onMore?: () => void } = { length: 0 };
  it.resume(Object.assign(peer, { arriving }));
  arriving.onMore!();
  it.ask();
  await clock.settle();
  arriving.length = 7;
  arriving.onMore!();
  assertEquals([it.bytesRead, it.arrivingLength, it.bytesArrived], [2, 7, 9]);
  it.ask();
  arriving.onMore!();
  await clock.settle();
  arriving.onMore!();
  it.retire();
  arriving.onMore!();
  assertEquals(log, ["begin", "ab", "begin", "more", "more"]);
});

Deno.test("Inflow has not caught up while something goes on arriving, and counts a part as arrived", async () => {
  const { clock, peer, it } = inflow([silence()], false);
  const arriving: { length: number; onMore?: () => void } = { length: 3 };
  it.resume(Object.assign(peer, { arriving }));
  it.ask();
  await clock.settle();
  it.catchUp();
  const looking = it.lookForMore();
  arriving.length = 9;
  arriving.onMore!();
  await looking;
  assertEquals([it.isCaughtUp, it.isLate(9)], [false, false]);
  await it.lookForMore();
  // It has begun before, whatever still comes of it.
  assertEquals([it.isCaughtUp, it.isLate(9), it.isLate(0)], [true, false, true]);
});
