import { assertEquals } from "@std/assert";
import { Share } from "../../src/network/share.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { VirtualClock } from "../../testing/mod.ts";

/** A share whose time the test sets, and how often its clock was looked at. */
function share() {
  const time = { now: 0, looks: 0, steps: 0, isAlone: false };
  const clock = new VirtualClock();
  clock.now = () => {
    time.looks++;
    return time.now;
  };
  const stepBack = () => {
    time.steps++;
    return Promise.resolve(time.isAlone);
  };
  return { time, share: new Share({ clock, turns: { ...plainTurns, stepBack } }) };
}

/** Whether a share is used up by that many more things. */
function countTo(share: Share, count: number): boolean {
  let isUsedUp = false;
  for (let i = 0; i < count; i++) isUsedUp = share.count();
  return isUsedUp;
}

Deno.test("Share is used up by what is handed out for half a millisecond, and looks at the clock seldom", async () => {
  const { time, share: one } = share();
  assertEquals(countTo(one, 256), false);
  // After 2 and 4; then those before took no time, and twice as many are handed out before the next look.
  assertEquals(time.looks, 8);
  time.now = 0.5;
  assertEquals(countTo(one, 127), false);
  assertEquals(one.count(), true);
  assertEquals(one.isUsedUp, true);
  await one.stepBack();
  assertEquals([time.steps, one.isUsedUp, countTo(one, 2)], [1, false, false]);
});

Deno.test("Share is used up by a few things that take long", () => {
  const { time, share: one } = share();
  const count = () => {
    time.now += 10;
    return one.count();
  };
  assertEquals([count(), count(), count(), count()], [false, false, false, true]);
});

Deno.test("Share begins anew whenever nothing is there, without a look at the clock", () => {
  const { time, share: one } = share();
  for (let i = 0; i < 100; i++) {
    one.count();
    one.begin();
    time.now++;
  }
  assertEquals([one.isUsedUp, time.looks], [false, 0]);
});

Deno.test("Share is used up by reads in a row that bring little for their time", () => {
  const { time, share: one } = share();
  one.lookBeforeRead(512);
  time.now = 0.4;
  one.lookBeforeRead(1024);
  assertEquals(one.isUsedUp, false);
  time.now = 0.6;
  one.lookBeforeRead(1536);
  assertEquals(one.isUsedUp, true);
});

Deno.test("Share is not used up by a fast stream", () => {
  const { time, share: one } = share();
  for (let streamed = 65_536; streamed < 10e6; streamed += 65_536) {
    one.lookBeforeRead(streamed);
    time.now += 0.1;
  }
  assertEquals(one.isUsedUp, false);
});

Deno.test("Share grows while nobody else has anything to do, and is small again when somebody has", async () => {
  const { time, share: one } = share();
  const inMillis = async (isAlone: boolean) => {
    const from = time.now;
    while (!one.isUsedUp) {
      countTo(one, 16);
      time.now += 0.25;
    }
    time.isAlone = isAlone;
    await one.stepBack();
    return time.now - from;
  };
  const shares: number[] = [];
  for (const isAlone of [true, true, true, true, true, false, false]) {
    shares.push(await inMillis(isAlone));
  }
  // The look that finds it used up comes a quarter later.
  assertEquals(shares.map((it) => it - 0.25), [0.5, 1, 2, 4, 8, 8, 0.5]);
});

Deno.test("Share has no end where everybody gets a turn without it", () => {
  const clock = new VirtualClock();
  let now = 0;
  clock.now = () => now++;
  const one = new Share({ clock, turns: plainTurns });
  one.lookBeforeRead(1);
  assertEquals([countTo(one, 1_000), now], [false, 0]);
});
