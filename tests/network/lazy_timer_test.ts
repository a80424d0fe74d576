import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { LazyTimer } from "../../src/network/lazy_timer.ts";
import { VirtualClock } from "../../testing/mod.ts";

function lazyTimer(clock: VirtualClock, look: (now: number) => number): LazyTimer {
  return new LazyTimer(clock, { look });
}

Deno.test("LazyTimer looks when something is due, and keeps one timeout for all", async () => {
  const clock = new VirtualClock();
  const looks: number[] = [];
  let due = 100;
  const timer = lazyTimer(clock, (now) => {
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

Deno.test("LazyTimer sets timeouts of few lengths, and looks on time", async () => {
  const clock = new VirtualClock();
  const lengths = new Set<number>();
  const arm = clock.setTimeout.bind(clock);
  let timeouts = 0;
  clock.setTimeout = (callback, delay) => {
    timeouts++;
    lengths.add(delay);
    return arm(callback, delay);
  };
  const late: number[] = [];
  let due = 0;
  const timer = lazyTimer(clock, (now) => {
    late.push(now - due);
    return Infinity;
  });
  for (let i = 0; i < 2_000; i++) {
    const delay = 1 + i * 150;
    timer.by(due = clock.now() + delay);
    await clock.advance(delay);
  }
  assertEquals(late, Array(2_000).fill(0));
  // 16 for each doubling; a deadline takes a few.
  assertEquals([lengths.size <= 16 * 19, timeouts < 5 * 2_000], [true, true]);
});

Deno.test("LazyTimer.by() moves the timeout forward, never back", async () => {
  const clock = new VirtualClock();
  const looks: number[] = [];
  const timer = lazyTimer(clock, (now) => {
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
  const timer = lazyTimer(clock, () => {
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
  const timer = lazyTimer(clock, (now) => {
    looks.push(now);
    return now < due ? due : Infinity;
  });
  timer.by(due);
  await clock.advance(due);
  assertEquals(looks, [due]);
});

Deno.test("LazyTimers of one clock share one timeout, and leave none behind", async () => {
  const clock = new VirtualClock();
  const looks: string[] = [];
  const timers = [30, 10, 20].map((due) => {
    const timer = lazyTimer(clock, (now) => {
      looks.push(`${due} at ${now}`);
      return Infinity;
    });
    timer.by(due);
    return timer;
  });
  assertEquals(clock.pending, 1);
  timers[2]!.stop();
  await clock.advance(100);
  assertEquals([looks, clock.pending], [["10 at 10", "30 at 30"], 0]);
  timers[0]!.by(200);
  timers[1]!.by(300);
  timers[0]!.stop();
  timers[1]!.stop();
  assertEquals(clock.pending, 0);
});

Deno.test("LazyTimer that is due again at once does not keep the others waiting", async () => {
  const clock = new VirtualClock();
  let looks = 0;
  const eager = lazyTimer(clock, (now) => looks++ < 5 ? now : Infinity);
  const other = lazyTimer(clock, () => {
    assertEquals(looks, 1);
    return Infinity;
  });
  eager.by(10);
  other.by(10);
  await clock.advance(10);
  assertEquals(looks, 6);
});

Deno.test("LazyTimer may be stopped, and others too, while somebody looks", async () => {
  const clock = new VirtualClock();
  const log: string[] = [];
  const first = lazyTimer(clock, () => {
    log.push("first");
    second.stop();
    third.by(5);
    return Infinity;
  });
  const second = lazyTimer(clock, () => Infinity);
  const third = lazyTimer(clock, (now) => {
    log.push(`third at ${now}`);
    return Infinity;
  });
  first.by(10);
  second.by(20);
  third.by(30);
  await clock.advance(100);
  assertEquals([log, clock.pending], [["first", "third at 10"], 0]);
});

Deno.test("LazyTimers look in time, whatever comes and goes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          who: fc.integer({ min: 0, max: 19 }),
          delay: fc.option(fc.integer({ min: 0, max: 50 })),
          wait: fc.integer({ min: 0, max: 10 }),
        }),
        { minLength: 1, maxLength: 120, size: "max" },
      ),
      async (steps) => {
        const clock = new VirtualClock();
        const due = Array<number>(20).fill(Infinity);
        const timers = due.map((_, who) =>
          lazyTimer(clock, (now) => {
            if (due[who]! <= now) {
              // Exactly when it was due, neither late nor early.
              assertEquals(due[who], now);
              due[who] = Infinity;
            }
            return due[who]!;
          })
        );
        for (const { who, delay, wait } of steps) {
          if (delay === null) {
            due[who] = Infinity;
            timers[who]!.stop();
          } else {
            due[who] = clock.now() + delay;
            timers[who]!.by(due[who]!);
          }
          await clock.advance(wait);
        }
        await clock.advance(100);
        assertEquals([due.every((time) => time === Infinity), clock.pending], [true, 0]);
      },
    ),
    { seed: 20_263, numRuns: 100 },
  );
});

/** A clock whose runtime looks at its sockets when the test says so. */
class LookingClock extends VirtualClock {
  #look = Promise.withResolvers<void>();

  looked(): Promise<void> {
    return this.#look.promise;
  }

  async look(): Promise<void> {
    this.#look.resolve();
    this.#look = Promise.withResolvers();
    await this.settle();
  }
}

Deno.test("LazyTimer judges what is due when the runtime has looked, by the time before", async () => {
  const clock = new LookingClock();
  const looks: [now: number, isSure: boolean][] = [];
  let due = 10;
  const timer = new LazyTimer(clock, {
    look(now, isSure) {
      looks.push([now, isSure]);
      return due > now ? due : isSure ? Infinity : due;
    },
  });
  timer.by(5);
  await clock.advance(5);
  assertEquals(looks, [[5, false]]);
  await clock.advance(10);
  assertEquals(looks, [[5, false], [10, false]]);
  // The bytes in the buffers have arrived.
  due = 30;
  await clock.look();
  assertEquals(looks, [[5, false], [10, false], [10, true]]);
  await clock.advance(20);
  await clock.look();
  assertEquals(looks.slice(3), [[30, false], [30, true]]);
  assertEquals(clock.pending, 0);
});

Deno.test("LazyTimer that is stopped while the runtime looks is not judged", async () => {
  const clock = new LookingClock();
  const looks: boolean[] = [];
  const timer = new LazyTimer(clock, {
    look(now, isSure) {
      looks.push(isSure);
      return isSure ? Infinity : now;
    },
  });
  timer.by(5);
  await clock.advance(5);
  timer.stop();
  await clock.look();
  assertEquals([looks, clock.pending], [[false], 0]);
});

Deno.test("LazyTimer looks on time with a clock that fails at everything but its timeouts", async () => {
  const clock = new VirtualClock();
  const throws = () => {
    throw new Error("cannot");
  };
  Object.assign(clock, { clearTimeout: throws, unrefTimer: throws });
  const looks: number[] = [];
  const timer = lazyTimer(clock, (now) => {
    looks.push(now);
    return Infinity;
  });
  timer.by(500);
  timer.by(50);
  await clock.advance(1_000);
  assertEquals(looks, [50]);
  timer.by(2_000);
  timer.stop();
  await clock.advance(2_000);
  assertEquals(looks, [50]);
});
