import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { LazyTimer, waitFor } from "../src/deadline.ts";
import { VirtualClock } from "../testing/mod.ts";

Deno.test("LazyTimer looks when something is due, and keeps one timeout for all", async () => {
  const clock = new VirtualClock();
  const looks: number[] = [];
  let due = 100;
  const timer = new LazyTimer(clock, (now) => {
    looks.push(now);
    return due > now ? due : Infinity;
  });
  timer.by(due);
  // The hot path only moves the number.
  for (let i = 1; i <= 50; i++) timer.by(due = 100 + i);
  assertEquals(clock.pending, 1);
  await clock.advance(1_000);
  assertEquals(looks, [100, 150]);
  assertEquals(clock.pending, 0);
});

Deno.test("LazyTimer.by() moves the timeout forward, never back", async () => {
  const clock = new VirtualClock();
  const looks: number[] = [];
  const timer = new LazyTimer(clock, (now) => {
    looks.push(now);
    return Infinity;
  });
  timer.by(500);
  timer.by(50);
  timer.by(Infinity);
  await clock.advance(1_000);
  assertEquals(looks, [50]);
});

Deno.test("LazyTimer.stop() forgets everything, and it can be used again", async () => {
  const clock = new VirtualClock();
  let looks = 0;
  const timer = new LazyTimer(clock, () => {
    looks++;
    return Infinity;
  });
  timer.by(10);
  timer.stop();
  timer.stop();
  assertEquals(clock.pending, 0);
  await clock.advance(100);
  assertEquals(looks, 0);
  timer.by(110);
  await clock.advance(100);
  assertEquals(looks, 1);
});

Deno.test("LazyTimer sets no timeout longer than a timer takes", async () => {
  const clock = new VirtualClock();
  const due = 2_147_483_647 + 1_000;
  const looks: number[] = [];
  const timer = new LazyTimer(clock, (now) => {
    looks.push(now);
    return now < due ? due : Infinity;
  });
  timer.by(due);
  await clock.advance(due);
  assertEquals(looks, [2_147_483_647, due]);
});

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
