// This library beside Deno's raw sockets in one run: what the short benches share.
import { type Contestant, gather } from "./contestants.ts";
import { median } from "./figures.ts";
import { makeGenerator } from "./load.ts";
import { lookAtMachine } from "./machine.ts";
import { costOf, memory, printRow, short, time, unitsOf } from "./report.ts";
import { type Outcome, runRounds, type Setting } from "./rounds.ts";
import type { Work } from "./works.ts";

/** What a short bench needs to run, also for the reader. */
export async function prepare(
  rounds: number,
  duration: Setting["duration"],
): Promise<{ setting: Setting; contestants: readonly Contestant[] }> {
  const machine = await lookAtMachine();
  const generator = await makeGenerator();
  const { contestants } = await gather([
    "raw",
    "raw-kept",
    "service",
    "service-lent",
    "service-into",
    "linux",
    "linux-lent",
    "iterate",
    "udp-client",
    "linux-udp-lent",
  ]);
  const pinned = machine.cores === undefined ? "not pinned" : "each pinned to a core";
  console.log(`${machine.description}; Deno ${Deno.version.deno}`);
  console.log(
    `Load generator: ${generator.label}; server and load in separate processes, ${pinned}`,
  );
  // The base of every ratio comes first.
  const sorted = contestants.toSorted((a, b) =>
    Number(b.side === "base") - Number(a.side === "base")
  );
  return { setting: { machine, generator, rounds, duration }, contestants: sorted };
}

/** A contestant's figures as ratios to Deno's raw sockets. */
export interface Ratios {
  readonly server: string;
  /** More is better. */
  readonly rate: number;
  /** Less is better: CPU per unit of the work, or memory; from the rate where no CPU time is known. */
  readonly cost: number;
}

/** The ratios of all others, in one work. */
export function ratiosOf(work: Work, outcomes: readonly Outcome[]): Ratios[] {
  const raw = outcomes.find(({ side }) => side === "base")?.figures;
  // Raw sockets may starve all connections in a short run, and then there is nothing to compare with.
  if (raw === undefined || raw.rate === 0) return [];
  return outcomes.flatMap(({ name, side, figures }) => {
    if (side === "base" || figures === undefined) return [];
    const rate = figures.rate / raw.rate;
    const cost = costOf(work, raw) > 0 ? costOf(work, figures) / costOf(work, raw) : 1 / rate;
    return [{ server: name, rate, cost }];
  });
}

const WIDTHS = [26, 12, 16, 9, 9, 11, 11] as const;

/** Runs the contestants and prints the results. */
export async function compare(
  setting: Setting,
  contestants: readonly Contestant[],
  work: Work,
): Promise<Outcome[]> {
  console.log(`\n${work.title}`);
  const outcomes = await runRounds(setting, work, contestants, () => {});
  const idle = work.unit === "idle";
  const price = idle ? "memory of each" : `CPU per ${work.unit}`;
  const last = work.unit === "MiB" ? ["heap growth", "peak memory"] : idle ? [] : ["p50", "p99.9"];
  printRow(WIDTHS, ["", idle ? "held" : unitsOf(work), price, "rate/raw", "cost/raw", ...last]);
  const ratios = ratiosOf(work, outcomes);
  for (const { name, label, figures, problems } of outcomes) {
    if (figures === undefined) {
      console.log(`  ${label}: failed: ${problems[0]}`);
      continue;
    }
    const ratio = ratios.find(({ server }) => server === name);
    const tail = work.unit === "MiB"
      ? [memory(figures.heapGrowth), memory(figures.peakMemory)]
      : idle
      ? []
      : [time(figures.p50Micros), time(figures.p999Micros)];
    printRow(WIDTHS, [
      label,
      short(idle ? figures.held : figures.rate),
      idle ? memory(figures.bytesPerConnection) : time(figures.cpuMicros),
      ratio === undefined || idle ? "" : ratio.rate.toFixed(2),
      ratio === undefined ? "" : ratio.cost.toFixed(2),
      ...tail,
    ]);
  }
  const others = median(outcomes.map(({ figures }) => figures?.otherBusy ?? 0));
  if (others > 0.2) {
    console.log(`  (not quiet: others used ${Math.round(others * 100)} % of a core meanwhile)`);
  }
  return outcomes;
}
