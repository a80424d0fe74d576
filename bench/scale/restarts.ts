// What a rolling restart loses: processes replace each other under load, on one descriptor that is handed over, or on
// a port that they share.
import { findTool } from "../machine.ts";
import { Program } from "../process.ts";
import { printRow } from "../report.ts";
import { Visitors } from "./visitors.ts";

/** How one process follows another one. */
interface Way {
  readonly label: string;
  readonly engine: "deno" | "linux";
  readonly by: "descriptor" | "port";
  /** Whether the next one listens before the old one stops. */
  readonly overlaps: boolean;
}

const WAYS: readonly Way[] = [
  { label: "descriptor, stop then start", engine: "deno", by: "descriptor", overlaps: false },
  {
    label: "descriptor, stop then start, linuxNetwork",
    engine: "linux",
    by: "descriptor",
    overlaps: false,
  },
  { label: "descriptor, overlapping", engine: "deno", by: "descriptor", overlaps: true },
  {
    label: "descriptor, overlapping, linuxNetwork",
    engine: "linux",
    by: "descriptor",
    overlaps: true,
  },
  { label: "reusePort, overlapping", engine: "deno", by: "port", overlaps: true },
];
const RESTARTS = 3;
const VISITORS = 16;
const WIDTHS = [42, 10, 20, 14, 9];
/** Answers between two restarts. */
const BETWEEN = 200;

/** What has happened in all runs of one way. */
interface Sum {
  answered: number;
  broken: number;
  lost: number;
  slowestInMillis: number;
  ways: Record<string, number>;
}

const worker = new URL("../servers/restarted.ts", import.meta.url).pathname;

/** Starts a process for each line that it gets; they inherit its descriptors. */
const EACH_LINE = 'while read -r _; do "$@" & done; wait';

/** One that starts processes, each by an empty line, and passes on what they print. */
function manager(way: Way, port: number): Program {
  const where = way.by === "descriptor" ? "inherited" : String(port);
  const deno = [Deno.execPath(), "run", "--quiet", "--unstable-net", "--allow-all", "--no-lock"];
  const each = ["sh", "-c", EACH_LINE, "sh", ...deno, worker, way.engine, where];
  const command = way.by === "port"
    ? each
    : ["systemd-socket-activate", "-l", `127.0.0.1:${port}`, ...each];
  return new Program({ command, core: undefined, env: {}, deadlineInMillis: 60_000 });
}

type Line = { pid: number } | { messages: number };

/** Waits until whoever holds the socket listens. */
async function listens(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function runOnce(way: Way, sum: Sum): Promise<void> {
  const port = freePort();
  await using program = manager(way, port);
  // It starts for its first client only.
  if (way.by === "descriptor") await listens(port);
  let messages = 0;
  const start = async () => {
    await program.nudge();
    return (await program.nextLine() as { pid: number }).pid;
  };
  const stop = async (pid: number) => {
    Deno.kill(pid, "SIGTERM");
    messages += (await program.nextLine() as { messages: number }).messages;
  };
  let pid = await start();
  const visitors = new Visitors(VISITORS, port);
  await visitors.more(BETWEEN);
  for (let i = 0; i < RESTARTS; i++) {
    const old = pid;
    if (way.overlaps) {
      pid = await start();
      await visitors.more(BETWEEN);
      await stop(old);
    } else {
      await stop(old);
      pid = await start();
    }
    await visitors.more(BETWEEN);
  }
  await visitors.end();
  await stop(pid);
  const { seen } = visitors;
  if (messages !== seen.answered) throw new Error(`${messages} answers, ${seen.answered} came`);
  sum.answered += seen.answered;
  sum.broken += seen.broken;
  sum.lost += seen.lost;
  sum.slowestInMillis = Math.max(sum.slowestInMillis, seen.slowestInMillis);
  for (const [name, count] of Object.entries(seen.ways)) {
    sum.ways[name] = (sum.ways[name] ?? 0) + count;
  }
}

/** Measures the ways with a part of their names in this list; all of them, if it is empty. */
export async function measureRestarts(runs: number, only: readonly string[]): Promise<void> {
  console.log(`\n## ${RESTARTS} restarts under load, ${runs} runs\n`);
  if (await findTool("systemd-socket-activate") === undefined) {
    console.log("Left out: systemd-socket-activate is not installed (Debian: systemd)");
    return;
  }
  let lostByDescriptor = 0;
  printRow(WIDTHS, ["", "answered", "connections broken", "requests lost", "slowest"]);
  for (const way of WAYS) {
    if (only.length > 0 && !only.some((part) => way.label.includes(part))) continue;
    const sum: Sum = { answered: 0, broken: 0, lost: 0, slowestInMillis: 0, ways: {} };
    for (let i = 0; i < runs; i++) await runOnce(way, sum);
    const { answered, broken, lost, slowestInMillis, ways } = sum;
    const counts = [answered, broken, lost].map((count) => count.toLocaleString("en"));
    printRow(WIDTHS, [way.label, ...counts, `${Math.round(slowestInMillis)} ms`]);
    for (const [name, count] of Object.entries(ways)) console.log(`    ${count} at: ${name}`);
    if (way.by === "descriptor") lostByDescriptor += broken + lost;
  }
  if (lostByDescriptor === 0) return;
  console.error("A descriptor that is handed over must lose nothing");
  Deno.exitCode = 1;
}
