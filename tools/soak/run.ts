// Runs a scenario: the server and its clients, each in its own process, and the comparison of their books.

import { Program } from "../../bench/process.ts";
import { compare, type Verdict } from "./ledger.ts";
import { memoryProblems } from "./memory.ts";
import type { ClientReport, Scenario, ServerReport } from "./scenario.ts";

/** How a scenario is run. */
export interface Run {
  /** How long all of the load goes on. */
  readonly seconds: number;
  /** How much of the load there is, from 0 to 1, where it is a number of connections. */
  readonly scale: number;
  /** How many files a process may have open. */
  readonly openFiles: number;
  /** What both sides stand on: Deno's network unless given. */
  readonly network?: "deno" | "linux";
  /** A defect of the server, to see that it is found. */
  readonly defect?: string;
}

/** How it went. */
export interface Outcome {
  readonly server: ServerReport;
  readonly clients: ClientReport;
  readonly verdict: Verdict;
  /** Everything that is not as it must be. */
  readonly problems: readonly string[];
}

/** Puts the engine for Linux in the place of Deno's network. */
const ON_LINUX = [
  "--allow-ffi",
  `--import-map=${new URL("../../tests/support/linux_imports.json", import.meta.url).pathname}`,
];

const PATIENCE_IN_MILLIS = 180_000;

/** Runs a scenario. */
export async function runScenario(scenario: Scenario, run: Run): Promise<Outcome> {
  const { seconds, scale, openFiles, network, defect } = run;
  const start = (file: string, args: readonly unknown[], descriptors?: number) =>
    new Program({
      command: [
        ...descriptors === undefined
          ? []
          : ["sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh"],
        Deno.execPath(),
        "run",
        "--no-lock",
        "--v8-flags=--expose-gc",
        "--allow-net=127.0.0.1",
        ...network === "linux" ? ON_LINUX : [],
        new URL(file, import.meta.url).pathname,
        scenario.name,
        String(seconds),
        ...args.map(String),
      ],
      core: undefined,
      env: { NO_COLOR: "1" },
      deadlineInMillis: seconds * 1_000 + PATIENCE_IN_MILLIS,
    });

  await using server = start("server.ts", defect ? [defect] : [], scenario.descriptors);
  const ports = await server.nextLine() as number[];
  await using clients = start("clients.ts", [scale, openFiles, ...ports]);
  await clients.nextLine(); // warm
  await server.nudge();
  await server.nextLine(); // begin
  await clients.nudge();
  await clients.nextLine(); // complete
  await server.nudge();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  await clients.nudge();
  await clients.nextLine(); // stopping
  await server.nudge();
  const [ofServer, ofClients] = await Promise.all([server.nextLine(), clients.nextLine()]) as [
    ServerReport,
    ClientReport,
  ];
  const verdict = compare(ofClients.entries, ofServer.entries);
  const problems = [
    ...verdict.problems,
    ...ofClients.failures,
    ...bookProblems(ofServer),
    ...memoryProblems("the server", ofServer.memory, scenario.allowance),
    ...memoryProblems("the clients", ofClients.memory, scenario.allowance),
    ...scenario.judge?.(ofServer, ofClients) ?? [],
  ];
  return { server: ofServer, clients: ofClients, verdict, problems };
}

/** Whether anything is left behind, and every connection got its `onClose`. */
function bookProblems({ counts }: ServerReport): string[] {
  const { began = 0, ended = 0, "left open": open = 0, "left queued": queued = 0 } = counts;
  const problems = [];
  if (began !== ended) problems.push(`onConnect was called ${began} times, onClose ${ended} times`);
  if (open > 0) problems.push(`${open} connections are left open`);
  if (queued > 0) problems.push(`${queued} bytes are left in queues`);
  return problems;
}
