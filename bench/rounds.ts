// One run after the other, in rounds: each contestant does the work once in each round, in rotating order, so that a
// machine that gets slower or busier harms all alike.
import type { Contestant } from "./contestants.ts";
import { type Figures, figuresOf, medians, type Memory } from "./figures.ts";
import { type Duration, type Generator, runLoad } from "./load.ts";
import type { Machine } from "./machine.ts";
import { Program } from "./process.ts";
import type { Work } from "./works.ts";

/** How everything is measured: with what, how often, how long. */
export interface Setting {
  readonly machine: Machine;
  readonly generator: Generator;
  readonly rounds: number;
  readonly duration: Duration;
}

/** How a contestant did the work. */
export interface Outcome {
  readonly name: string;
  readonly label: string;
  readonly side: Contestant["side"];
  /** The medians; `undefined` when no run succeeded. */
  readonly figures: Figures | undefined;
  readonly runs: readonly Figures[];
  /** What went wrong in runs that failed. */
  readonly problems: readonly string[];
}

/** Gives each contestant one turn in each round, with another one first each time. */
export async function inTurn<T>(
  rounds: number,
  all: readonly T[],
  run: (one: T) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < all.length; i++) await run(all[(i + round) % all.length]!);
  }
}

/** Starts a server for that work. It prints its port first. */
export function startServer(
  { machine }: Pick<Setting, "machine">,
  work: Work,
  contestant: Contestant,
  deadlineInMillis: number,
): Program {
  return new Program({
    command: [...contestant.command, work.role],
    core: machine.cores?.server,
    env: contestant.env,
    deadlineInMillis,
  });
}

/** Lets one server do the work once. */
export async function runOnce(
  setting: Setting,
  work: Work,
  contestant: Contestant,
): Promise<Figures> {
  const { machine, generator, duration } = setting;
  const deadlineInMillis = duration.warmInMillis + duration.timeInMillis + 120_000;
  await using server = startServer(setting, work, contestant, deadlineInMillis);
  const { port } = await server.nextLine() as { port: number };
  const memory: Memory[] = [];
  const look = async () => {
    memory.push(await memoryOf(server, contestant));
  };
  if (work.unit === "MiB") await look();
  const target = { pid: server.pid, port };
  const sample = await runLoad(generator, machine, target, work.load, duration, look);
  if (work.unit === "MiB") await look();
  return figuresOf(work, sample, memory);
}

/** How much memory a server has, collected where it can. */
export async function memoryOf(server: Program, contestant: Contestant): Promise<Memory> {
  const status = await Deno.readTextFile(`/proc/${server.pid}/status`).catch(() => "");
  const bytes = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1] ?? 0);
  // Before the collection that the question below brings about.
  const peak = bytes("VmHWM");
  if (!contestant.tellsMemory) return { rss: bytes("VmRSS"), heapUsed: 0, external: 0, peak };
  await server.nudge();
  return { ...await server.nextLine() as Omit<Memory, "peak">, peak };
}

/** Runs all contestants in rounds, and reports each run as it ends. */
export async function runRounds(
  setting: Setting,
  work: Work,
  contestants: readonly Contestant[],
  onRun: (contestant: Contestant, result: Figures | Error) => void,
): Promise<Outcome[]> {
  const able = contestants.filter(({ roles }) => roles.includes(work.role));
  const done = able.map((contestant) => ({
    contestant,
    runs: [] as Figures[],
    problems: [] as string[],
  }));
  await inTurn(setting.rounds, done, async ({ contestant, runs, problems }) => {
    try {
      const figures = await runOnce(setting, work, contestant);
      runs.push(figures);
      onRun(contestant, figures);
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error));
      problems.push(problem.message);
      onRun(contestant, problem);
    }
  });
  return done.map(({ contestant: { name, label, side }, runs, problems }) => ({
    name,
    label,
    side,
    figures: runs.length === 0 ? undefined : medians(runs),
    runs,
    problems,
  }));
}
