// A guard against gross loss, in under two minutes: the ratios to Deno's raw sockets that matter, beside those
// that were recorded. It fails only when one is 1.5 times worse than recorded, twice in a row.
//
//   deno task bench:quick             compares with bench/baseline.json
//   deno task bench:quick --record    writes bench/baseline.json: on a quiet machine
import { compare, prepare } from "./compare.ts";
import { listOf, readOptions } from "./options.ts";
import { costOf } from "./report.ts";
import type { Outcome } from "./rounds.ts";
import { type Work, workNamed } from "./works.ts";

const GROSS = 1.5;
const AMOUNTS = { idle: 2000, bulk: 256 };
const WORKS = [
  "ping-64-1",
  "ping-64-50",
  "ping-64-500",
  "ping-16k-50",
  "flight-64-50",
  "lines-64-50",
  "bulk",
  "churn",
  "broadcast",
  "idle",
  "udp-64-50",
];

/** Ratios of cost to raw, by server. */
type Costs = Record<string, number>;
/** And by work. */
type Baseline = Record<string, Costs>;

const file = new URL("baseline.json", import.meta.url);
const options = readOptions({ record: "", works: WORKS.join() });
const recording = options.record !== "";
const baseline: Baseline = JSON.parse(await Deno.readTextFile(file).catch(() => "{}"));
const { setting, contestants: all } = await prepare(3, { warmInMillis: 250, timeInMillis: 300 });
const contestants = all.filter(({ side }) => side !== "peer");

/** What one unit of the work cost in the best round: disturbances only add. */
function lowestCost(work: Work, { runs }: Outcome): number {
  const costs = runs.map((run) => costOf(work, run) || 1 / run.rate);
  return Math.min(...costs);
}

async function measure(name: string): Promise<Costs> {
  const work = workNamed(name, AMOUNTS);
  // A work that none of our servers can do needs no measuring.
  if (!contestants.some(({ side, roles }) => side === "ours" && roles.includes(work.role))) {
    return {};
  }
  const outcomes = await compare(setting, contestants, work);
  const raw = outcomes.find(({ side }) => side === "base");
  if (raw === undefined || raw.runs.length === 0) return {};
  const ours = outcomes.filter(({ side, runs }) => side === "ours" && runs.length > 0);
  const costs = ours.map((it) => [it.name, lowestCost(work, it) / lowestCost(work, raw)] as const);
  return Object.fromEntries(costs.map(([name, cost]) => [name, Number(cost.toFixed(2))]));
}

function lossesIn(name: string, costs: Costs): string[] {
  return Object.entries(baseline[name] ?? {}).flatMap(([server, recorded]) => {
    const cost = costs[server];
    if (cost === undefined) return [`${name}, ${server}: it failed`];
    if (cost <= recorded * GROSS) return [];
    return [`${name}, ${server}: ${cost.toFixed(2)} of raw, recorded ${recorded.toFixed(2)}`];
  });
}

const losses: string[] = [];
for (const name of listOf(options.works)) {
  const costs = await measure(name);
  if (recording) {
    if (Object.keys(costs).length > 0) baseline[name] = costs;
  } else if (lossesIn(name, costs).length > 0) {
    console.log("  Worse than recorded: once more");
    losses.push(...lossesIn(name, await measure(name)));
  }
}
if (recording) {
  await Deno.writeTextFile(file, JSON.stringify(baseline, null, 2) + "\n");
  console.log("\nRecorded in bench/baseline.json");
} else if (Object.keys(baseline).length === 0) {
  console.log("\nNothing is recorded to compare with: run with --record on a quiet machine");
} else {
  console.log(losses.length === 0 ? "\nNo gross loss" : `\nGross loss:\n  ${losses.join("\n  ")}`);
}
Deno.exit(losses.length === 0 ? 0 : 1);
