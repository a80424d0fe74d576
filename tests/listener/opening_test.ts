import { assertEquals, assertRejects } from "@std/assert";
import { Opening } from "../../src/listener/opening.ts";
import { GenericError } from "../../mod.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { isPending } from "../support/scripted_connection.ts";

Deno.test("Opening is waited for as long as the stop may take, and a moment where that has no time", async () => {
  for (const isHurried of [false, true]) {
    const clock = new VirtualClock();
    const opening = new Opening(clock);
    const opened = Promise.withResolvers<void>();
    const result = assertRejects(() => opening.result(opened.promise), GenericError);
    const waited = opening.wait(opened.promise, 5_000);
    // An earlier stop has its own time.
    await clock.advance(60_000);
    opening.begin();
    if (isHurried) opening.hurry();
    await clock.advance(isHurried ? 999 : 4_999);
    assertEquals([await isPending(clock, waited), opening.isGivenUp], [true, false]);
    await clock.advance(1);
    await waited;
    assertEquals(opening.isGivenUp, true);
    assertEquals((await result).code, "closed");
  }
});

Deno.test("Opening is waited for until the earliest deadline that was asked for", async () => {
  for (const isBegun of [false, true]) {
    const clock = new VirtualClock();
    const opening = new Opening(clock);
    const opened = Promise.withResolvers<void>();
    const waited = opening.wait(opened.promise, Infinity);
    if (isBegun) opening.begin();
    await clock.advance(60_000);
    opening.endIn(100);
    opening.endIn(200);
    if (!isBegun) opening.begin();
    await clock.advance(99);
    assertEquals([await isPending(clock, waited), opening.isGivenUp], [true, false]);
    await clock.advance(1);
    await waited;
    assertEquals([opening.isGivenUp, clock.pending], [true, 0]);
  }
});

Deno.test("Opening that is over in time, or has failed, is not given up", async () => {
  const clock = new VirtualClock();
  for (const isHurried of [false, true]) {
    for (const failure of [undefined, new Error("no")]) {
      const opening = new Opening(clock);
      const opened = Promise.withResolvers<void>();
      const result = opening.result(opened.promise);
      const outcome = result.then(() => undefined, (error) => error);
      const waited = opening.wait(opened.promise, Infinity);
      if (isHurried) opening.begin();
      if (isHurried) opening.hurry();
      await clock.advance(900);
      if (failure === undefined) opened.resolve();
      else opened.reject(failure);
      await waited;
      assertEquals([await outcome, opening.isGivenUp], [failure, false]);
    }
  }
});
