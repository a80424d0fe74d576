import { assert, assertEquals } from "@std/assert";
import { BusyClock } from "../../src/udp/busy_clock.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";

function busyClock() {
  const clock = new VirtualClock();
  let looked = 0;
  const counted = { ...clock, now: () => (looked++, clock.now()) } as unknown as VirtualClock;
  const wakes: number[] = [];
  const it = new BusyClock(counted, (due) => wakes.push(due));
  return { it, clock, wakes, looks: () => looked };
}

Deno.test("BusyClock.now() is the time for who asks seldom", async () => {
  const { it, clock, wakes, looks } = busyClock();
  for (let i = 0; i < 1_000; i++) {
    assertEquals(it.now(), clock.now());
    await clock.advance(1);
  }
  assertEquals([looks(), wakes], [1_000, []]);
});

Deno.test("BusyClock.now() leaves it to the next look for who asks often", async () => {
  const { it, clock, wakes, looks } = busyClock();
  await clock.advance(100);
  let known = 0;
  while (!Number.isNaN(it.now())) known++;
  assertEquals([known, looks(), wakes], [33, 33, [120]]);
  for (let i = 0; i < 1_000; i++) assert(Number.isNaN(it.now()));
  assertEquals(looks(), 33);
  assertEquals(it.look(120), 140);
  it.now();
  assertEquals(it.look(140), 160);
  // Nobody asked since.
  assertEquals(it.look(160), Infinity);
  assertEquals(it.now(), 100);
});
