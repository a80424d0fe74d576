// The load generator, and what one run of it reports.
import { makeLoad } from "./build.ts";
import type { Machine } from "./machine.ts";
import { Program } from "./process.ts";

/** The plan of a run; the names are the generator's options. */
export interface LoadPlan {
  readonly mode:
    | "streams"
    | "churn"
    | "broadcast"
    | "idle"
    | "datagrams"
    | "tell"
    | "fill"
    | "drain"
    | "halves";
  readonly connections?: number;
  /** Bulk streams beside the connections. */
  readonly streams?: number;
  /** Bytes of a message. */
  readonly size?: number;
  /** Messages in flight on one connection. */
  readonly flight?: number;
  /** Idle: connections made before the first look at the memory. */
  readonly base?: number;
  /** Bulk: bytes to echo, instead of a time. */
  readonly total?: number;
}

/** The report of one run. */
export interface Sample {
  readonly seconds: number;
  readonly messages: number;
  readonly bytes: number;
  readonly serverCpuNanos: number;
  readonly loadCpuNanos: number;
  /** Processor time of all other processes, on all cores. */
  readonly otherCpuNanos: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly p999Micros: number;
  readonly maxMicros: number;
  /** How long the longest unanswered message had waited at the end. */
  readonly oldestMicros: number;
  /** The fewest and the most messages of any connection. */
  readonly fewest: number;
  readonly most: number;
  /** Datagrams that did not come back, and that came back out of order. */
  readonly lost: number;
  readonly disordered: number;
  /** Short connections that failed. */
  readonly failed: number;
  /** Connections that were held, and answered at the end. */
  readonly held: number;
}

/** A load generator that is ready to run. */
export interface Generator {
  /** What it is, for the report. */
  readonly label: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The generator in C, or the slower one in Deno where there is no compiler. */
export async function makeGenerator(): Promise<Generator> {
  const made = await makeLoad();
  if ("path" in made) return { label: "C, epoll, one thread", command: [made.path], env: {} };
  const path = new URL("load/fallback.ts", import.meta.url).pathname;
  return {
    label:
      `Deno (${made.missing}): it is slower than the servers, so believe the CPU, not the rate`,
    command: [
      Deno.execPath(),
      "run",
      "--quiet",
      "--allow-all",
      "--no-lock",
      "--unstable-net",
      path,
    ],
    env: { DENO_TOKIO_MAX_IO_EVENTS_PER_TICK: "100" },
  };
}

/** How long a run takes. */
export interface Duration {
  readonly warmInMillis: number;
  readonly timeInMillis: number;
}

/** Runs the generator against a server; `onHeld` is called each time that it holds connections and waits. */
export async function runLoad(
  generator: Generator,
  machine: Machine,
  server: { readonly pid: number; readonly port: number },
  plan: LoadPlan,
  duration: Duration,
  onHeld?: (held: number) => Promise<void>,
): Promise<Sample> {
  const options = {
    ...plan,
    port: server.port,
    pid: server.pid,
    warm: duration.warmInMillis,
    time: duration.timeInMillis,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  await using program = new Program({
    command: [...generator.command, ...args],
    core: machine.cores?.load,
    env: generator.env,
    deadlineInMillis: duration.warmInMillis + duration.timeInMillis + 90_000,
  });
  for (;;) {
    const line = await program.nextLine() as Sample | { held: number };
    if ("seconds" in line) return line;
    await onHeld?.(line.held);
    await program.nudge();
  }
}
