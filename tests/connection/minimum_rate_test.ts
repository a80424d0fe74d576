import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MinimumRate } from "../../src/connection/minimum_rate.ts";

Deno.test("MinimumRate finds a sender too slow that sends nothing while the rest is waited for", () => {
  const rate = new MinimumRate(100, 5_000);
  rate.wait(1_000);
  assertEquals(rate.due, 6_000);
  assertEquals(rate.isTooSlow(5_999, 20), false);
  assertEquals(rate.due, 6_000);
  assertEquals(rate.isTooSlow(6_000, 20), true);
});

Deno.test("MinimumRate finds nobody too slow who is not waited for", () => {
  const rate = new MinimumRate(100, 5_000);
  assertEquals(rate.due, Infinity);
  assertEquals(rate.isTooSlow(1_000_000, 0), false);
  assertEquals(rate.due, Infinity);
  rate.wait(1_000_000);
  rate.endWait(1_004_000);
  assertEquals(rate.due, Infinity);
  assertEquals(rate.isTooSlow(2_000_000, 0), false);
  // Of the interval, four seconds are over.
  rate.wait(2_000_000);
  assertEquals(rate.due, 2_001_000);
});

Deno.test("MinimumRate is not fooled by one byte now and then", () => {
  const rate = new MinimumRate(10, 5_000);
  let [now, received] = [0, 0];
  const isSlow = () => {
    // Each byte ends a wait and begins the next one.
    for (let i = 0; i < 100; i++) {
      rate.wait(now);
      now += 1_000;
      if (rate.isTooSlow(now, received)) return true;
      received++;
      rate.endWait(now);
    }
    return false;
  };
  assertEquals(isSlow(), true);
  assertEquals(now, 5_000);
});

Deno.test("MinimumRate gives a sender that was fast a new interval, not credit for ever", () => {
  const rate = new MinimumRate(100, 1_000);
  rate.wait(0);
  assertEquals(rate.isTooSlow(1_000, 1_000_000), false);
  assertEquals(rate.due, 2_000);
  assertEquals(rate.isTooSlow(2_000, 1_000_099), true);
});

Deno.test("MinimumRate is content with exactly the rate", () => {
  const rate = new MinimumRate(100, 1_500);
  rate.wait(0);
  assertEquals(rate.isTooSlow(1_500, 149), true);
  assertEquals(rate.isTooSlow(1_500, 150), false);
});

Deno.test("MinimumRate takes the same wait twice for one", () => {
  const rate = new MinimumRate(1, 1_000);
  rate.wait(0);
  rate.wait(900);
  assertEquals(rate.due, 1_000);
  rate.endWait(900);
  rate.endWait(5_000);
  rate.wait(6_000);
  assertEquals(rate.due, 6_100);
});

Deno.test("MinimumRate ends every sender that stays below the rate and none that stays above it", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(gaps, fc.boolean(), (gaps, isFast) => {
      const rate = new MinimumRate(1_000, 1_000);
      let [now, ended, waited, received] = [0, false, 0, 0];
      for (const gap of gaps) {
        rate.wait(now);
        waited += gap;
        // Checked when it is due, as by a timer.
        while (rate.due <= now + gap && !ended) ended = rate.isTooSlow(rate.due, received);
        now += gap;
        // The rate is one byte per millisecond. A byte arrives at the end of its gap, so a fast sender sends the
        // bytes of the longest gap beforehand.
        received += isFast ? gap + 800 : Math.floor(gap / 2);
        rate.endWait(now);
        now += 10_000;
      }
      assertEquals(ended, !isFast && waited >= 1_000);
      assert(waited > 0);
    }),
    { seed: 22, numRuns: 300 },
  );
});
