// Runs the campaigns under many seeds, with a progress bar, and prints how to repeat those that failed.
//
//   deno task campaign                          all campaigns, 10,000 seeds each
//   deno task campaign chat --seeds 500         one of them, fewer seeds
//   deno task campaign chat --seed 123456       one seed, run twice to see that it replays
//
// Every 99th seed is run twice anyway: a run that does not replay counts as failed.

import { parseArgs } from "node:util";
import cliProgress from "npm:cli-progress@3.12.0";
import { campaigns } from "../tests/system/campaigns/campaigns.ts";
import { type Campaign, ensureReplays, runSeed } from "../tests/system/campaigns/campaign.ts";
import type { SimulationError } from "../testing/mod.ts";

const SHOWN_FAILURES = 3;
/** Odd, so that seeds of every kind are among them. */
const REPLAY_EVERY = 99;

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "0" },
    seed: { type: "string" },
  },
});

for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value!)) {
    console.error(`--${name} must be a whole number: got ${value}`);
    Deno.exit(2);
  }
}
const unknown = positionals.filter((name) => !campaigns.some((campaign) => campaign.name === name));
if (unknown.length > 0) {
  const names = campaigns.map(({ name }) => name).join(", ");
  console.error(`Unknown campaign: ${unknown.join(", ")}; there are ${names}`);
  Deno.exit(2);
}
const chosen = positionals.length === 0
  ? campaigns
  : campaigns.filter(({ name }) => positionals.includes(name));

let failures = 0;
for (const campaign of chosen) {
  failures += values.seed === undefined
    ? await runMany(campaign, Number(values.from), Number(values.seeds))
    : await replay(campaign, Number(values.seed));
}
Deno.exit(failures === 0 ? 0 : 1);

async function runMany(campaign: Campaign, from: number, count: number): Promise<number> {
  const bar = new cliProgress.SingleBar({
    format: `${
      campaign.name.padEnd(18)
    } {bar} {value}/{total} seeds, {failed} failed, {eta_formatted} left`,
    // Where nobody watches, a line now and then will do.
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    hideCursor: true,
  }, cliProgress.Presets.shades_classic);
  const failed: SimulationError[] = [];
  let events = 0;
  let virtualMillis = 0;
  const start = performance.now();
  bar.start(count, 0, { failed: 0 });
  for (let seed = from; seed < from + count; seed++) {
    try {
      const report = await runSeed(campaign, seed);
      if (seed % REPLAY_EVERY === 0) await ensureReplays(campaign, report);
      events += report.events;
      virtualMillis += report.virtualMillis;
    } catch (error) {
      failed.push(error as SimulationError);
    }
    bar.update(seed - from + 1, { failed: failed.length });
  }
  bar.stop();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const hours = Math.round(virtualMillis / 3_600_000).toLocaleString("en");
  console.log(
    `${campaign.name}: ${count.toLocaleString("en")} seeds, ${failed.length} failed, ` +
      `${events.toLocaleString("en")} events, ${hours} virtual hours in ${seconds} s`,
  );
  for (const error of failed.slice(0, SHOWN_FAILURES)) {
    console.error(error);
    console.error(`Repeat it: deno task campaign ${campaign.name} --seed ${error.seed ?? "N"}`);
  }
  return failed.length;
}

async function replay(campaign: Campaign, seed: number): Promise<number> {
  const outcomes = [];
  for (let i = 0; i < 2; i++) {
    outcomes.push(await runSeed(campaign, seed).catch((error: SimulationError) => error));
  }
  const [first, second] = outcomes;
  console.log(first);
  const isSame = first!.traceHash === second!.traceHash;
  console.log(isSame ? `Replayed exactly: trace ${first!.traceHash}` : "NOT replayed exactly");
  return first instanceof Error || !isSame ? 1 : 0;
}
