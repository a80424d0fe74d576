import { assertEquals } from "@std/assert";
import { rest } from "../../src/clients/rest.ts";
import { VirtualClock } from "../../testing/mod.ts";

Deno.test("rest() ends with its time or with its signal, and leaves nothing behind", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const over: string[] = [];
  void rest(clock, 100, controller.signal).then(() => over.push("time"));
  void rest(clock, 200, controller.signal).then(() => over.push("signal"));
  await clock.advance(100);
  assertEquals(over, ["time"]);
  controller.abort();
  await clock.settle();
  assertEquals([over, clock.pending], [["time", "signal"], 0]);
  await rest(clock, 100, controller.signal);
  assertEquals(clock.pending, 0);
});
