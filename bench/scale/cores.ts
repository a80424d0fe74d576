// Two processes on two cores beside one on one: what a message costs, how many there are, and how evenly the system
// spreads the clients. The load needs processor time, too. So that both cases are alike, each core has one process and
// one load generator on it, and each generator talks to all processes: the rates are those of half a core each.
import { median } from "../figures.ts";
import { makeGenerator, runLoad, type Sample } from "../load.ts";
import type { Machine } from "../machine.ts";
import { Program } from "../process.ts";
import { printRow, short } from "../report.ts";

/** Who serves what. */
interface Server {
  readonly label: string;
  readonly kind: "streams" | "datagrams";
  readonly engine: "deno" | "linux";
  readonly flags: readonly string[];
}

const SERVERS: readonly Server[] = [
  { label: "TCP, Deno's sockets", kind: "streams", engine: "deno", flags: ["--unstable-net"] },
  { label: "TCP, node:net", kind: "streams", engine: "deno", flags: [] },
  { label: "TCP, linuxNetwork", kind: "streams", engine: "linux", flags: [] },
  { label: "UDP, linuxNetwork", kind: "datagrams", engine: "linux", flags: [] },
];
/** Enough that the system's choice by addresses spreads them: of 400, the half of one process is 200 +- 10. */
const CLIENTS = 400;
const WIDTHS = [20, 9, 9, 6, 10, 10, 6, 27];

/** What one run has shown. */
interface Run {
  readonly cpuMicros: number;
  readonly rate: number;
  /** The smallest part of the messages that a process has answered, and of the clients that it had. */
  readonly leastMessages: number;
  readonly leastClients: number;
  /** Datagrams that did not come back. */
  readonly lost: number;
}

const path = new URL("../servers/shared.ts", import.meta.url).pathname;

function start({ kind, engine, flags }: Server, port: number, core: number): Program {
  const deno = [Deno.execPath(), "run", "--quiet", "--no-lock", "--allow-all", ...flags];
  const command = [...deno, path, kind, engine, String(port)];
  return new Program({ command, core, env: {}, deadlineInMillis: 60_000 });
}

/** What a process says of itself. */
interface Done {
  readonly messages: number;
  readonly clients: number;
}

function leastShare(all: readonly Done[], key: keyof Done): number {
  const numbers = all.map((done) => done[key]);
  return Math.min(...numbers) / numbers.reduce((sum, it) => sum + it, 0);
}

/** Lets a process on each of these cores serve together. */
async function measure(
  server: Server,
  cores: readonly number[],
  load: (
    server: Server,
    target: { pid: number; port: number },
    core: number,
    clients: number,
  ) => Promise<Sample>,
): Promise<Run> {
  await using programs = new AsyncDisposableStack();
  const all: Program[] = [];
  let port = 0;
  for (const core of cores) {
    const program = programs.use(start(server, port, core));
    ({ port } = await program.nextLine() as { port: number });
    all.push(program);
  }
  const samples = await Promise.all(
    all.map(({ pid }, i) => load(server, { pid, port }, cores[i]!, CLIENTS / cores.length)),
  );
  const done = await Promise.all(all.map(async (program) => {
    await program.nudge();
    return await program.nextLine() as Done;
  }));
  // Their windows are not quite the same.
  const perSecond = (key: "messages" | "serverCpuNanos") =>
    samples.reduce((sum, sample) => sum + sample[key] / sample.seconds, 0);
  return {
    cpuMicros: perSecond("serverCpuNanos") / 1000 / perSecond("messages"),
    rate: perSecond("messages"),
    leastMessages: leastShare(done, "messages"),
    leastClients: leastShare(done, "clients"),
    lost: samples.reduce((sum, { lost }) => sum + lost, 0),
  };
}

/** Measures the servers with a part of their names in this list (all, if it is empty), one process and two in turn. */
export async function measureCores(
  machine: Machine,
  rounds: number,
  millis: number,
  only: readonly string[],
): Promise<void> {
  console.log(
    `\n## Two processes on two cores beside one, ${CLIENTS} clients, 64 B, ${rounds} rounds\n`,
  );
  if (machine.cores === undefined) {
    console.log("Left out: there are no two cores, or no taskset to pin processes to them");
    return;
  }
  const generator = await makeGenerator();
  const load = (
    { kind: mode }: Server,
    target: { pid: number; port: number },
    core: number,
    connections: number,
  ) => {
    const plan = { mode, connections, size: 64, flight: 1 } as const;
    const pinned = { ...machine, cores: { server: core, load: core } };
    const duration = { warmInMillis: 700, timeInMillis: millis };
    return runLoad(generator, pinned, target, plan, duration);
  };
  const { server: core, load: other } = machine.cores;
  console.log(
    `The load: ${generator.label}, one on each core, beside the process that serves there`,
  );
  printRow(WIDTHS, [
    "",
    "CPU, 1",
    "CPU, 2",
    "ratio",
    "rate, 1",
    "rate, 2",
    "ratio",
    "least of messages, clients",
  ]);
  for (const server of SERVERS) {
    if (only.length > 0 && !only.some((part) => server.label.includes(part))) continue;
    const ones: Run[] = [], twos: Run[] = [];
    for (let round = 0; round < rounds; round++) {
      ones.push(await measure(server, [core], load));
      twos.push(await measure(server, [core, other], load));
    }
    const of = (runs: readonly Run[], key: keyof Run) => median(runs.map((run) => run[key]));
    const ratio = (key: "cpuMicros" | "rate") =>
      median(twos.map((two, i) => two[key] / ones[i]![key])).toFixed(2);
    const least = (key: "leastMessages" | "leastClients") =>
      `${(of(twos, key) * 100).toFixed(0)} %`;
    printRow(WIDTHS, [
      server.label,
      `${short(of(ones, "cpuMicros"))} us`,
      `${short(of(twos, "cpuMicros"))} us`,
      ratio("cpuMicros"),
      `${short(of(ones, "rate"))}/s`,
      `${short(of(twos, "rate"))}/s`,
      ratio("rate"),
      `${least("leastMessages")}, ${least("leastClients")}`,
    ]);
    const lost = twos.concat(ones).reduce((sum, run) => sum + run.lost, 0);
    if (lost > 0) console.log(`    ${lost} datagrams were lost: believe these figures less`);
  }
}
