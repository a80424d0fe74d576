import { assertEquals } from "@std/assert";
import { Grace, Patience } from "../../src/listener/patience.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { LateClock } from "../support/late_clock.ts";
import { isPending } from "../support/scripted_connection.ts";

Deno.test("Patience lasts until its end, its deadline or what it is for", async () => {
  const clock = new VirtualClock();
  const patience = new Patience(clock, 100);
  await patience.for(Promise.resolve());
  const waiting = patience.for(new Promise(() => {}));
  assertEquals([patience.isOver, await isPending(clock, waiting)], [false, true]);
  await clock.advance(100);
  await waiting;
  assertEquals(patience.isOver, true);
  await patience.for(new Promise(() => {}));
});

Deno.test("Patience lasts until the earliest deadline that was asked for", async () => {
  for (const first of [200, Infinity]) {
    const clock = new VirtualClock();
    const patience = new Patience(clock, first);
    const waiting = patience.for(new Promise(() => {}));
    await clock.advance(10);
    patience.endIn(300);
    patience.endIn(50);
    patience.endIn(Infinity);
    patience.endIn(100);
    await clock.advance(49);
    assertEquals([patience.isOver, clock.pending], [false, 1]);
    await clock.advance(1);
    await waiting;
    patience.endIn(10);
    assertEquals([patience.isOver, patience.reason, clock.pending], [true, "deadline", 0]);
  }
});

Deno.test("Patience knows whether its deadline came first, or a hurry", async () => {
  const clock = new VirtualClock();
  const [late, hurried] = [new Patience(clock, 100), new Patience(clock, 100)];
  hurried.end();
  await clock.advance(100);
  late.end();
  assertEquals([late.reason, hurried.reason], ["deadline", "hurried"]);
});

Deno.test("Patience that was ended still has a moment where somebody gets a report", async () => {
  const clock = new VirtualClock();
  for (const isReported of [true, false]) {
    const patience = new Patience(clock, 100);
    patience.isReported = isReported;
    patience.end();
    const moment = patience.forMoment(new Promise(() => {}));
    assertEquals([patience.isOver, patience.isEnded], [true, !isReported]);
    assertEquals(await isPending(clock, moment), isReported);
  }
});

Deno.test("Patience is not over before what has come by its deadline is through", async () => {
  const clock = new LateClock();
  const look = Promise.withResolvers<void>();
  clock.look = look.promise;
  const patience = new Patience(clock, 100);
  await clock.advance(1_000);
  assertEquals(patience.isOver, false);
  look.resolve();
  await clock.settle();
  assertEquals(patience.isOver, true);
});

Deno.test("Patience gives what is over a moment where the program has used up its time", async () => {
  for (const [busy, moment] of [[130, 30], [1_000, 100], [103, 0]] as const) {
    const clock = new LateClock();
    const patience = new Patience(clock, 100);
    clock.busyFor(busy);
    await clock.advance(busy);
    if (moment > 0) {
      assertEquals(patience.isOver, false);
      // That puts nothing off.
      patience.endIn(5_000);
      await clock.advance(moment - 1);
      assertEquals([patience.isOver, clock.pending], [false, 1]);
      await clock.advance(1);
    }
    assertEquals([patience.isOver, patience.reason, clock.pending], [true, "deadline", 0]);
  }
  const clock = new LateClock();
  const hurried = new Patience(clock, 100);
  clock.busyFor(200);
  await clock.advance(200);
  hurried.end();
  assertEquals([hurried.isOver, hurried.reason, clock.pending], [true, "hurried", 0]);
});

Deno.test("Grace lasts until the earliest end that was asked for", async () => {
  const clock = new VirtualClock();
  const grace = new Grace(clock);
  const over = grace.over();
  grace.endIn(100);
  grace.endIn(200);
  grace.endIn(50);
  await clock.advance(49);
  assertEquals([await isPending(clock, over), clock.pending], [true, 1]);
  await clock.advance(1);
  await over;
  grace.endIn(100);
  await grace.over();
  assertEquals(clock.pending, 0);
});

Deno.test("Grace can be ended at once, and keeps no timer then", async () => {
  const clock = new VirtualClock();
  const [ended, none] = [new Grace(clock), new Grace(clock)];
  ended.endIn(100);
  ended.end();
  none.endIn(0);
  await Promise.all([ended.over(), none.over()]);
  assertEquals([clock.now(), clock.pending], [0, 0]);
});
