import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RateLimit, RateLimits } from "../../../src/listener/guard/rate_limit.ts";

Deno.test("RateLimit lets one second's worth happen at once, then one at a time", () => {
  const limit = new RateLimit(4);
  for (let i = 0; i < 4; i++) {
    assertEquals(limit.delay(1_000), 0);
    limit.take(1_000);
  }
  assertEquals(limit.delay(1_000), 250);
  assertEquals(limit.delay(1_100), 150);
  assertEquals(limit.delay(1_250), 0);
  limit.take(1_250);
  assertEquals(limit.delay(1_250), 250);
  // After a quiet second all of them, and no more for a longer one.
  for (let i = 0; i < 4; i++) {
    assertEquals(limit.delay(60_000), 0);
    limit.take(60_000);
  }
  assertEquals(limit.delay(60_000), 250);
});

Deno.test("RateLimit of 1 lets one happen per second", () => {
  const limit = new RateLimit(1);
  assertEquals(limit.delay(0), 0);
  limit.take(0);
  assertEquals(limit.delay(0), 1_000);
  assertEquals(limit.delay(999), 1);
  assertEquals(limit.delay(1_000), 0);
});

Deno.test("RateLimit agrees with a bucket that is filled up", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.constantFrom<number>(1, 2, 4, 5, 8, 10, 100), steps, (perSecond, pauses) => {
      const limit = new RateLimit(perSecond);
      let [tokens, now, taken] = [perSecond, 0, 0];
      for (const pause of pauses) {
        now += pause;
        tokens = Math.min(perSecond, tokens + pause * perSecond / 1_000);
        const delay = limit.delay(now);
        const expected = Math.max(0, (1 - tokens) * 1_000 / perSecond);
        assert(Math.abs(delay - expected) < 1e-6, `${delay}, not ${expected}`);
        if (delay > 1e-6) continue;
        limit.take(now);
        tokens--;
        taken++;
      }
      assert(taken <= perSecond + now * perSecond / 1_000 + 1e-6);
    }),
    { seed: 20, numRuns: 500 },
  );
});

Deno.test("RateLimits keeps names apart", () => {
  const limits = new RateLimits(2, 10);
  const taken = ["a", "a", "a", "b", "b", "b"].map((name) => limits.tryTake(name, 0));
  assertEquals(taken, [true, true, false, true, true, false]);
  assertEquals(limits.tryTake("a", 499), false);
  assertEquals(limits.tryTake("a", 500), true);
  assertEquals(limits.tryTake("a", 500), false);
});

Deno.test("RateLimits does for each name what RateLimit does", () => {
  const steps = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 300 }), fc.constantFrom("a", "b", "c")),
    {
      maxLength: 80,
    },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (perSecond, steps) => {
      const limits = new RateLimits(perSecond, 3);
      const single = new Map<string, RateLimit>();
      let now = 0;
      for (const [pause, name] of steps) {
        now += pause;
        if (!single.has(name)) single.set(name, new RateLimit(perSecond));
        const limit = single.get(name)!;
        const mayHappen = limit.delay(now) === 0;
        if (mayHappen) limit.take(now);
        assertEquals(limits.tryTake(name, now), mayHappen);
      }
    }),
    { seed: 21, numRuns: 500 },
  );
});

Deno.test("RateLimits forgets names that are as good as new", () => {
  const limits = new RateLimits(10, 1_000_000);
  for (let i = 0; i < 5_000; i++) limits.tryTake(`name ${i}`, i);
  // Each is full again after 100 ms.
  assert(limits.size <= 101, String(limits.size));
  limits.tryTake("last", 1_000_000);
  assertEquals(limits.size, 1);
});

Deno.test("RateLimits remembers no more names than it may, those used last", () => {
  const limits = new RateLimits(1, 100);
  for (let i = 0; i < 10_000; i++) {
    assertEquals(limits.tryTake(`name ${i}`, 0), true);
    assert(limits.size <= 100);
    // A name that is used all the time is not pushed out by many that are used once.
    assertEquals(limits.tryTake("busy", 0), i === 0);
  }
  assertEquals(limits.size, 100);
  assertEquals(limits.tryTake("name 9999", 0), false);
  assertEquals(limits.tryTake("name 9000", 0), true);
});
