// All scenarios, in the order in which they run.

import type { Scenario } from "./scenario.ts";
import { crowded } from "./scenarios/crowded.ts";
import { cuts } from "./scenarios/cuts.ts";
import { deaf } from "./scenarios/deaf.ts";
import { descriptors } from "./scenarios/descriptors.ts";
import { huge } from "./scenarios/huge.ts";
import { restarts } from "./scenarios/restarts.ts";
import { slow } from "./scenarios/slow.ts";
import { storm } from "./scenarios/storm.ts";

/** Every scenario there is. */
export const scenarios: readonly Scenario[] = [
  storm,
  cuts,
  slow,
  deaf,
  huge,
  crowded,
  descriptors,
  restarts,
];
