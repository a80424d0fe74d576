import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { VirtualClock } from "../../testing/mod.ts";

Deno.test("VirtualClock calls timeouts at their own moment, in order, the older one first", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ delay: fc.nat(50), cleared: fc.boolean() }), { maxLength: 60 }),
      async (timers) => {
        const clock = new VirtualClock();
        const called: [index: number, at: number][] = [];
        const ids = timers.map(({ delay }, index) =>
          clock.setTimeout(() => called.push([index, clock.now()]), delay)
        );
        timers.forEach(({ cleared }, index) => cleared && clock.clearTimeout(ids[index]!));
        await clock.runUntilIdle();
        const expected = timers.map(({ delay, cleared }, index) => ({ delay, cleared, index }))
          .filter(({ cleared }) => !cleared)
          .sort((a, b) => a.delay - b.delay || a.index - b.index)
          .map(({ index, delay }): [number, number] => [index, delay]);
        assertEquals(called, expected);
        assertEquals(clock.pending, 0);
      },
    ),
  );
});

Deno.test("VirtualClock.advance() lets each timeout come to rest before the next", async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  clock.setTimeout(async () => {
    for (let i = 0; i < 1000; i++) await null;
    order.push(`first at ${clock.now()}`);
    clock.setTimeout(() => order.push(`nested at ${clock.now()}`), 5);
  }, 10);
  clock.setTimeout(() => order.push(`second at ${clock.now()}`), 20);
  await clock.advance(14);
  assertEquals(order, ["first at 10"]);
  await clock.advance(6);
  assertEquals(order, ["first at 10", "nested at 15", "second at 20"]);
  assertEquals(clock.now(), 20);
});

Deno.test("VirtualClock.advance() stops short of what comes later", async () => {
  const clock = new VirtualClock();
  let called = false;
  clock.setTimeout(() => called = true, 300_000);
  await clock.advance(299_999);
  assertEquals([called, clock.pending, clock.next], [false, 1, 300_000]);
  assertEquals(await clock.step(), true);
  assertEquals([called, clock.now(), await clock.step()], [true, 300_000, false]);
});

Deno.test("VirtualClock.setTimeout() refuses the delay that a real timer takes for 0", () => {
  const clock = new VirtualClock();
  assertThrows(() => clock.setTimeout(() => {}, 2_147_483_648), RangeError, "2147483648");
  assertThrows(() => clock.setTimeout(() => {}, NaN), RangeError, "NaN");
});

Deno.test("VirtualClock.runUntilIdle() names what never ends", async () => {
  const clock = new VirtualClock();
  const again = () => void clock.setTimeout(again, 1000);
  again();
  await assertRejects(() => clock.runUntilIdle(10_000), Error, "1 timeouts are still set");
});

Deno.test("VirtualClock moves by a finite number, not less than 0, or not at all", async () => {
  const clock = new VirtualClock();
  for (const by of [Infinity, NaN, -1]) {
    await assertRejects(() => clock.advance(by), RangeError, `Cannot advance by ${by} ms`);
  }
  await assertRejects(() => clock.runUntilIdle(NaN), RangeError, "NaN");
  assertEquals([clock.now(), await clock.runUntilIdle(Infinity)], [0, 0]);
});
