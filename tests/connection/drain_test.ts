import { assertEquals } from "@std/assert";
import { Drain } from "../../src/connection/drain.ts";
import { VirtualClock } from "../../testing/mod.ts";

Deno.test("Drain is over when nothing has come for 50 ms, after a second, or when it is ended", async () => {
  const clock = new VirtualClock();
  const looks: number[] = [];
  const drain = new Drain({ clock, lookBy: (due) => looks.push(due) }, true);
  assertEquals([drain.keeps, drain.isUnderWay, drain.due], [true, true, 50]);
  for (let i = 0; i < 24; i++) {
    await clock.advance(40);
    drain.goOn();
  }
  assertEquals([drain.due, looks.at(-2), looks.at(-1)], [1_000, 970, 1_000]);
  let isOver = false;
  void drain.over.then(() => isOver = true);
  drain.end();
  drain.end();
  await clock.settle();
  assertEquals([isOver, drain.isUnderWay, drain.due], [true, false, Infinity]);
});
