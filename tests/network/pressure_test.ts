import { assertEquals, assertRejects } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import type { DrainedLimits } from "../../src/network/drained.ts";
import { Pressure } from "../../src/network/pressure.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { isPending } from "../support/scripted_connection.ts";

const MIB = 1024 * 1024;
const MANY = 1_000_000;

/** A queue of 100 bytes, and looks that the test ends. */
function pressed() {
  const queue = { queuedBytes: 100, isOffered: true };
  const looks: PromiseWithResolvers<void>[] = [];
  const looked = () => {
    const look = Promise.withResolvers<void>();
    looks.push(look);
    return look.promise;
  };
  const pressure = new Pressure(queue, { ...plainTurns, looked });
  return {
    queue,
    looks,
    pressure,
    /** Whether one more byte is refused at a limit of 100. */
    isNo: (writes = 1) => pressure.refuses(1, writes, 100, MANY),
    async look() {
      looks.shift()!.resolve();
      for (let i = 0; i < 3; i++) await undefined;
    },
    take(count: number) {
      queue.queuedBytes -= count;
      pressure.onTaken(count);
    },
  };
}

Deno.test("Pressure says no only when the runtime has looked and the system has taken nothing", async () => {
  const { isNo, look, looks, take } = pressed();
  assertEquals([isNo(), isNo(), looks.length], [false, false, 1]);
  await look();
  assertEquals([isNo(), looks.length], [true, 0]);
  take(1);
  assertEquals(isNo(), false);
});

Deno.test("Pressure says yes where the system has taken something meanwhile, or was offered nothing", async () => {
  const taking = pressed();
  taking.isNo();
  taking.take(1);
  await taking.look();
  assertEquals(taking.isNo(), false);
  const idle = pressed();
  idle.queue.isOffered = false;
  assertEquals([idle.isNo(), idle.looks.length], [false, 0]);
  const done = pressed();
  done.isNo();
  done.queue.isOffered = false;
  await done.look();
  assertEquals(done.isNo(), false);
});

Deno.test("Pressure counts only what had been queued when the look began", async () => {
  const { queue, pressure, isNo, look } = pressed();
  queue.queuedBytes = 50;
  isNo();
  queue.queuedBytes = 5_000;
  await look();
  assertEquals([pressure.refuses(50, 1, 100, MANY), pressure.refuses(51, 1, 100, MANY)], [
    false,
    true,
  ]);
});

Deno.test("Pressure has a limit of writes that were refused, and one of all that was not yet", async () => {
  const { queue, pressure, isNo, look } = pressed();
  queue.queuedBytes = 50;
  assertEquals(isNo(16 * MIB / 64), true);
  queue.queuedBytes = 16 * MIB;
  assertEquals([isNo(), pressure.refuses(1, 1, 32 * MIB, MANY)], [true, false]);
  await look();
  assertEquals([pressure.refuses(1, 9, 100, 10), pressure.refuses(1, 10, 100, 10)], [false, true]);
});

const limits = (more: Partial<DrainedLimits> = {}): DrainedLimits => ({
  below: 1,
  signal: undefined,
  timeoutInMillis: Infinity,
  ...more,
});

Deno.test("Pressure.wait() ends when so little is queued, by time, by a signal, and by its owner's end", async () => {
  const { pressure, take } = pressed();
  const clock = new VirtualClock();
  const [one, other] = [{}, {}];
  const half = pressure.wait(clock, limits({ below: 60 }), one);
  const late = pressure.wait(clock, limits({ timeoutInMillis: 10 }), one);
  const controller = new AbortController();
  const given = pressure.wait(clock, limits({ signal: controller.signal }), one);
  const ended = pressure.wait(clock, limits(), other);
  const all = pressure.wait(clock, limits(), one);
  take(41);
  await half;
  await clock.advance(10);
  const { code } = await assertRejects(() => late, GenericError, "59 bytes are queued after 10 ms");
  assertEquals(code, "timed-out");
  controller.abort("enough");
  assertEquals(await given.catch((error) => error), "enough");
  pressure.fail(new GenericError("closed", "gone"), other);
  await assertRejects(() => ended, GenericError, "gone");
  take(59);
  await all;
  assertEquals(clock.pending, 0);
});

Deno.test("Pressure.wait() lets others go first where waits in a row have taken half a millisecond", async () => {
  const queue = { queuedBytes: 0, isOffered: true };
  const steps: PromiseWithResolvers<boolean>[] = [];
  const stepBack = () => {
    const step = Promise.withResolvers<boolean>();
    steps.push(step);
    return step.promise;
  };
  const pressure = new Pressure(queue, { ...plainTurns, stepBack });
  const clock = new VirtualClock();
  const drained = (): Promise<void> => {
    queue.queuedBytes = 100;
    const waiting = pressure.wait(clock, limits(), {});
    queue.queuedBytes = 0;
    pressure.onTaken(100);
    return waiting;
  };
  await drained();
  await drained();
  await clock.advance(1);
  const waiting = drained();
  assertEquals(await isPending(clock, waiting), true);
  assertEquals(steps.length, 1);
  steps[0]!.resolve(false);
  await waiting;
  await drained();
  assertEquals(steps.length, 1);
});

Deno.test("Pressure.wait() that fails needs nobody to look", async () => {
  const { pressure } = pressed();
  void pressure.wait(new VirtualClock(), limits(), {});
  pressure.fail(new GenericError("closed", "gone"));
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
});

Deno.test("Pressure.pause() waits for a look where one was told no for the sake of others, once", async () => {
  const { pressure, looks } = pressed();
  assertEquals(pressure.pause(), undefined);
  pressure.mustPause = true;
  const pause = pressure.pause();
  assertEquals(pressure.pause(), undefined);
  looks[0]!.resolve();
  await pause;
});
