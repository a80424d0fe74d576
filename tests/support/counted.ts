// How a stop went, for tests that ask how many, not which.

import { assertEquals } from "@std/assert";
import type { StopReport } from "../../mod.ts";

/** The counts of a report that agrees with itself. */
export function counted({ completed, aborted, cut }: StopReport) {
  assertEquals(cut.length, aborted);
  return { completed, aborted };
}
