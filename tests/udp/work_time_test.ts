import { assertEquals } from "@std/assert";
import { WorkTime } from "../../src/udp/work_time.ts";
import { WorkClock } from "../support/share_host.ts";

Deno.test("WorkTime tells how long calls took, and looks at the clock for few of them", () => {
  const clock = new WorkClock();
  let looks = 0;
  const now = clock.now.bind(clock);
  clock.now = () => (looks++, now());
  const time = new WorkTime(clock);
  assertEquals(time.take(), 0);
  for (const calls of [1, 2, 3, 256]) {
    for (let i = 0; i < calls; i++) {
      const began = time.begin();
      clock.work(2);
      time.end(began);
    }
    assertEquals(time.take(), 2 * calls);
  }
  assertEquals(looks, 2 * (1 + 2 + 2 + 9));
});
