import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { waitFor } from "../../src/network/deadline.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { LateClock } from "../support/late_clock.ts";

function limits(clock: VirtualClock, timeoutInMillis = Infinity, signal?: AbortSignal) {
  return { clock, timeoutInMillis, signal, timeoutError: () => new Error("too long") };
}

Deno.test("waitFor() gives what was started, and leaves no timeout behind", async () => {
  const clock = new VirtualClock();
  const discarded: number[] = [];
  const signal = new AbortController().signal;
  assertEquals(
    await waitFor(limits(clock, 50, signal), () => Promise.resolve(5), (n) => discarded.push(n)),
    5,
  );
  await assertRejects(
    () => waitFor(limits(clock, 50), () => Promise.reject(new TypeError("no")), () => {}),
    TypeError,
    "no",
  );
  assertEquals([clock.pending, discarded], [0, []]);
});

Deno.test("waitFor() gives up at the timeout, tells whoever was started, and discards what comes late", async () => {
  const clock = new VirtualClock();
  const late = Promise.withResolvers<string>();
  const discarded: string[] = [];
  let inner: AbortSignal | undefined;
  const waiting = waitFor(limits(clock, 50), (signal) => {
    inner = signal;
    return late.promise;
  }, (value) => discarded.push(value));
  const rejected = assertRejects(() => waiting, Error, "too long");
  await clock.advance(49);
  assertEquals(inner!.aborted, false);
  await clock.advance(1);
  await rejected;
  assertEquals(inner!.aborted, true);
  late.resolve("late");
  await clock.settle();
  assertEquals(discarded, ["late"]);
});

Deno.test("waitFor() rejects with the signal's own reason, also one that is aborted already", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const reason = { my: "reason" };
  let started = 0;
  const waiting = waitFor(limits(clock, 50, controller.signal), () => {
    started++;
    return new Promise<never>(() => {});
  }, () => {});
  controller.abort(reason);
  assertStrictEquals(await waiting.catch((error) => error), reason);
  const again = waitFor(limits(clock, 50, controller.signal), () => {
    started++;
    return Promise.resolve(1);
  }, () => {});
  assertStrictEquals(await again.catch((error) => error), reason);
  assertEquals([started, clock.pending], [1, 0]);
});

Deno.test("waitFor() does not mind that what comes late cannot be discarded", async () => {
  const clock = new VirtualClock();
  const late = Promise.withResolvers<string>();
  const waiting = waitFor(limits(clock, 50), () => late.promise, () => {
    throw new Deno.errors.BadResource("Bad resource ID");
  });
  const rejected = assertRejects(() => waiting, Error, "too long");
  await clock.advance(50);
  await rejected;
  late.resolve("late");
  // An unhandled rejection would fail this test.
  await clock.settle();
});

Deno.test("waitFor() gives what is there when the runtime has looked, though time is up", async () => {
  for (const isThere of [true, false]) {
    const clock = new LateClock();
    const look = Promise.withResolvers<void>();
    clock.look = look.promise;
    const it = Promise.withResolvers<string>();
    const waiting = waitFor(limits(clock, 50), () => it.promise, () => {}).catch(String);
    await clock.advance(100);
    if (isThere) it.resolve("there");
    await clock.settle();
    look.resolve();
    assertEquals(await waiting, isThere ? "there" : "Error: too long");
    await clock.settle();
    assertEquals(clock.pending, 0);
  }
});

/** When a wait of 80 ms is over, that nothing ends, with a program that is busy at some times. */
async function over(busy: Readonly<Record<number, number>>): Promise<number> {
  const clock = new LateClock();
  let end: number | undefined;
  const waiting = waitFor(limits(clock, 80), () => new Promise<never>(() => {}), () => {});
  const ended = waiting.catch(() => end = clock.now());
  while (end === undefined && clock.now() < 10_000) {
    const inMillis = busy[clock.now()];
    if (inMillis !== undefined) clock.busyFor(inMillis);
    await clock.advance(1);
  }
  await ended;
  return end!;
}

Deno.test("waitFor() does not count time in which the program was busy", async () => {
  assertEquals(await over({}), 80);
  // Also where it was over before the timeout, in the middle of it, or right after it.
  assertEquals(await over({ 0: 79 }), 159);
  assertEquals(await over({ 35: 30 }), 115);
  assertEquals(await over({ 75: 100 }), 185);
  assertEquals(await over({ 79: 2 }), 81);
});

Deno.test("waitFor() does not take the usual delay of timers for a busy program", async () => {
  for (const late of [0.5, 1, 2, 4]) {
    for (const timeoutInMillis of [1, 5, 50, 500, 3_000]) {
      const clock = new LateClock();
      clock.delayInMillis = late;
      const waiting = assertRejects(
        () =>
          waitFor(
            {
              clock,
              timeoutInMillis,
              signal: undefined,
              timeoutError: () => new Error(`${clock.now()}`),
            },
            () => new Promise<never>(() => {}),
            () => {},
          ),
        Error,
      );
      await clock.advance(timeoutInMillis + 9 * late);
      const { message } = await waiting;
      assert(Number(message) >= timeoutInMillis, message);
    }
  }
});

Deno.test("waitFor() ends though the program is busy all the time", async () => {
  const always = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i * 100, 99]));
  assertEquals(await over(always), 1_599);
});
