// A small part of what `deno task campaign` runs: the same programs, fewer seeds.

import { campaigns } from "./campaigns.ts";
import { ensureReplays, runSeed } from "./campaign.ts";

const SEEDS = 200;
/** Odd, so that seeds of every kind are among them. */
const REPLAY_EVERY = 21;

for (const campaign of campaigns) {
  Deno.test(`Campaign ${campaign.name} holds for seeds 0 to ${SEEDS - 1}`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const report = await runSeed(campaign, seed);
      if (seed % REPLAY_EVERY === 0) await ensureReplays(campaign, report);
    }
  });
}
