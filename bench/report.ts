// The results for people: one Markdown table for each work.
import { type Figures, median } from "./figures.ts";
import type { Outcome } from "./rounds.ts";
import type { Work } from "./works.ts";

/** Everything that one run of the bench found out. */
export interface Results {
  readonly machine: string;
  readonly runtime: string;
  readonly generator: string;
  readonly pinned: boolean;
  readonly rounds: number;
  readonly secondsOfRun: number;
  readonly missing: readonly string[];
  readonly works: readonly { readonly work: Work; readonly outcomes: readonly Outcome[] }[];
}

/** An amount with about three figures. */
export function short(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** Formats a line of a table: its title, then figures, each in a column of that width. */
export function printRow(widths: readonly number[], cells: readonly string[]): void {
  const padded = cells.map((cell, i) =>
    i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
  );
  console.log(`  ${padded.join(" ").trimEnd()}`);
}

/** A time that was given in microseconds. */
export function time(micros: number): string {
  if (micros >= 1e6) return `${short(micros / 1e6)} s`;
  return micros >= 1000 ? `${short(micros / 1000)} ms` : `${short(micros)} us`;
}

function percent(share: number): string {
  return (share * 100).toFixed(0);
}

/** An amount of memory. */
export function memory(bytes: number): string {
  const size = Math.abs(bytes);
  if (size >= 2 ** 20) return `${short(bytes / 2 ** 20)} MiB`;
  return size >= 1024 ? `${short(bytes / 1024)} KiB` : `${short(bytes)} B`;
}

/** What one of the unit costs and how many there were, as the work counts. */
export function costOf(work: Work, figures: Figures): number {
  return work.unit === "idle" ? figures.bytesPerConnection : figures.cpuMicros;
}

interface Column {
  readonly head: string;
  readonly cell: (outcome: Outcome, figures: Figures) => string;
}

function ratio(ours: number, theirs: number | undefined): string {
  return theirs === undefined || theirs === 0 || ours === 0 ? "" : (ours / theirs).toFixed(2);
}

function columnsFor(work: Work, outcomes: readonly Outcome[]): Column[] {
  const raw = outcomes.find(({ side }) => side === "base")?.figures;
  const peers = outcomes.filter(({ side }) => side === "base" || side === "peer")
    .flatMap(({ figures }) => figures === undefined ? [] : [figures]);
  const latency: Column[] = [
    { head: "p50", cell: (_, f) => time(f.p50Micros) },
    { head: "p99", cell: (_, f) => time(f.p99Micros) },
    { head: "p99.9", cell: (_, f) => time(f.p999Micros) },
    { head: "worst", cell: (_, f) => time(f.worstMicros) },
  ];
  if (work.unit === "idle") {
    return [
      { head: "memory per connection", cell: (_, f) => memory(f.bytesPerConnection) },
      { head: "to raw", cell: (_, f) => ratio(f.bytesPerConnection, raw?.bytesPerConnection) },
    ];
  }
  const best = Math.max(0, ...peers.map((f) => f.rate));
  const columns: Column[] = [
    {
      head: unitsOf(work),
      cell: (_, f) => short(f.rate),
    },
    { head: "to raw", cell: (_, f) => ratio(f.rate, raw?.rate) },
    { head: "to best peer", cell: (_, f) => ratio(f.rate, best) },
    { head: `CPU per ${work.unit}`, cell: (_, f) => time(f.cpuMicros) },
    { head: "to raw", cell: (_, f) => ratio(f.cpuMicros, raw?.cpuMicros) },
  ];
  if (work.unit !== "MiB") columns.push(...latency);
  if (work.unit === "MiB") {
    columns.push({ head: "heap growth", cell: (_, f) => memory(f.heapGrowth) });
    columns.push({ head: "peak memory", cell: (_, f) => memory(f.peakMemory) });
  }
  if (work.load.mode === "streams" && (work.load.connections ?? 1) > 1) {
    columns.push({ head: "fewest/most", cell: (_, f) => `${short(f.fewest)}/${short(f.most)}` });
  }
  if (work.load.streams !== undefined && work.unit !== "MiB") {
    columns.push({ head: "bulk MiB/s", cell: (_, f) => short(f.mebibytesPerSecond) });
  }
  if (work.load.mode === "datagrams") {
    columns.push({ head: "lost", cell: (_, f) => short(f.lost) });
    columns.push({ head: "disordered", cell: (_, f) => short(f.disordered) });
  }
  if (work.load.mode === "churn") columns.push({ head: "failed", cell: (_, f) => short(f.failed) });
  columns.push({
    head: "busy server/load/rest",
    cell: (_, f) => `${percent(f.serverBusy)}/${percent(f.loadBusy)}/${percent(f.otherBusy)} %`,
  });
  return columns;
}

/** What the rate counts. */
export function unitsOf({ unit }: Work): string {
  if (unit === "MiB") return "MiB/s";
  return unit === "delivery" ? "deliveries/s" : `${unit}s/s`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The table of one work. */
export function tableOf(work: Work, outcomes: readonly Outcome[]): string {
  const columns = columnsFor(work, outcomes);
  const lines = [
    row(["server", ...columns.map(({ head }) => head)]),
    row(["---", ...columns.map(() => "--:")]),
  ];
  for (const outcome of outcomes) {
    const { figures, label, side, problems } = outcome;
    const name = side === "ours" ? `**${label}**` : side === "limit" ? `_${label}_` : label;
    const cells = figures === undefined
      ? [`failed: ${problems[0]?.split("\n")[0] ?? ""}`, ...columns.slice(1).map(() => "")]
      : columns.map(({ cell }) => cell(outcome, figures));
    lines.push(row([name, ...cells]));
  }
  return lines.join("\n");
}

/** How hard both sides worked where the server should be the slower one. */
function saturation(results: Results): string {
  const sides = results.works.flatMap(({ work, outcomes }) => {
    const { connections = 1, mode } = work.load;
    if (mode !== "streams" && mode !== "datagrams" || connections < 50) return [];
    return outcomes.filter(({ side }) => side !== "limit").flatMap(({ figures }) => figures ?? []);
  });
  const full = sides.filter((f) => f.serverBusy >= 0.95).length;
  const all = results.works.flatMap(({ outcomes }) =>
    outcomes.flatMap(({ figures }) => figures ?? [])
  );
  const others = median(all.map((f) => f.otherBusy));
  return [
    `The load generator (${results.generator}) has to be the faster side wherever 50 connections or more are`,
    "busy: then the server has used its core up and the generator has not. The last column tells how busy",
    `both were in each run. Of ${sides.length} such results, the C server left aside, the server was at least`,
    `95 % busy in ${full}. Everything else on the machine used ${
      (others * 100).toFixed(0)
    } % of one core meanwhile (median).`,
  ].join("\n");
}

/** The whole report. */
export function reportOf(results: Results): string {
  const lines = [
    "# Results of the bench",
    "",
    `${results.machine}; ${results.runtime}. Medians of ${results.rounds} interleaved rounds, ` +
    `${results.secondsOfRun} s each after a warm-up.`,
    results.pinned
      ? "Server and load generator run in separate processes, each pinned to a core of its own."
      : "Server and load generator run in separate processes; nothing is pinned on this machine.",
    "CPU is the server's, user and system, all its threads. Ratios are to Deno's raw sockets and to the",
    "fastest peer; the C server is the limit, not a peer. All figures are from one run of `deno task bench`:",
    "on another machine they differ, the ratios less. _Switch_ is Deno with the undocumented variable",
    "`DENO_TOKIO_MAX_IO_EVENTS_PER_TICK=100`.",
    "",
    saturation(results),
    "",
    ...results.missing.map((sentence) => `- ${sentence}`),
  ];
  for (const { work, outcomes } of results.works) {
    lines.push("", `## ${work.title}`, "", tableOf(work, outcomes));
  }
  return lines.join("\n").replaceAll(/\n{3,}/g, "\n\n") + "\n";
}
