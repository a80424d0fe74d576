// A small part of what `deno task campaign` runs: the same programs, fewer seeds.

import { campaigns } from "./campaigns/campaigns.ts";
import { runSeed } from "./campaigns/campaign.ts";

const SEEDS = 200;

for (const campaign of campaigns) {
  Deno.test(`Campaign ${campaign.name} holds for seeds 0 to ${SEEDS - 1}`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) await runSeed(campaign, seed);
  });
}
