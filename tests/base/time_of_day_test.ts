import { assert } from "@std/assert";
import { timeOfDay } from "../../src/base/time_of_day.ts";

Deno.test("timeOfDay() is the system's", () => {
  const before = Date.now();
  const time = timeOfDay();
  assert(before <= time && time <= Date.now());
});
