// What it costs to stand between two peers: relay() beside two loops over Deno's own sockets, Node's pipe, socat and
// HAProxy in TCP mode. All of them are in front of one and the same echo.
//
//   deno task bench:relay                            two minutes
//   deno task bench:relay --works=bulk --only=relay,pipe --rounds=5
import { makeEpoll, makeNode } from "./build.ts";
import { type Figures, figuresOf, medians } from "./figures.ts";
import { makeGenerator, runLoad } from "./load.ts";
import { findTool, lookAtMachine } from "./machine.ts";
import { listOf, readOptions, wholeNumber } from "./options.ts";
import { Program } from "./process.ts";
import { printRow, short, time } from "./report.ts";
import { inTurn } from "./rounds.ts";
import { type Work, workNamed } from "./works.ts";

const options = readOptions({
  works: "ping-64-1,ping-64-50,bulk",
  only: "",
  rounds: "3",
  seconds: "1",
  bulk: "512",
});
const duration = { warmInMillis: 700, timeInMillis: wholeNumber(options.seconds) * 1000 };
const deadlineInMillis = duration.timeInMillis + 60_000;
const machine = await lookAtMachine();
const generator = await makeGenerator();
const path = (file: string) => new URL(`servers/${file}`, import.meta.url).pathname;
const folder = await Deno.makeTempDir();

/** Somebody who passes on. */
interface Contestant {
  readonly label: string;
  /** The command that does it; programs of others are told their port. */
  readonly command: (targetPort: number, port: number) => readonly string[] | Promise<string[]>;
  /** Whether it is a program of others, which does not tell its port. */
  readonly isForeign?: boolean;
  /** Whether one process does all of it, whose CPU can be told. */
  readonly isOne: boolean;
}

const inDeno = [Deno.execPath(), "run", "--quiet", "--allow-all", "--no-lock"];

function ofDeno(label: string, way: string): Contestant {
  const command = (port: number) => [...inDeno, path("relay.ts"), way, String(port)];
  return { label, command, isOne: true };
}

async function haproxy(targetPort: number, port: number): Promise<string[]> {
  const file = `${folder}/haproxy.cfg`;
  const times = ["connect", "client", "server"].map((of) => `  timeout ${of} 60s`).join("\n");
  await Deno.writeTextFile(
    file,
    `global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode tcp\n${times}\n` +
      `listen all\n  bind 127.0.0.1:${port}\n  server target 127.0.0.1:${targetPort}\n`,
  );
  return ["haproxy", "-db", "-q", "-f", file];
}

function socat(targetPort: number, port: number): string[] {
  const from = `TCP4-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay`;
  return ["socat", "-b", "65536", from, `TCP4:127.0.0.1:${targetPort},nodelay`];
}

const all: Contestant[] = [ofDeno("relay", "ours"), ofDeno("Deno raw", "raw")];
const node = await makeNode();
if ("path" in node) {
  const command = (port: number) => [node.path, path("relay_pipe.mjs"), String(port)];
  all.push({ label: "Node's pipe", command, isOne: true });
}
if (await findTool("socat") !== undefined) {
  all.push({ label: "socat", command: socat, isForeign: true, isOne: false });
}
if (await findTool("haproxy") !== undefined) {
  all.push({ label: "HAProxy", command: haproxy, isForeign: true, isOne: true });
}
const only = listOf(options.only);
const contestants = all.filter(({ label }) => only.length === 0 || only.includes(label));

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until somebody listens, who does not say so. */
async function isUp(port: number): Promise<void> {
  const since = performance.now();
  for (;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (performance.now() - since > 10_000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function runOnce(work: Work, { command, isForeign }: Contestant): Promise<Figures> {
  const setting = { env: {}, deadlineInMillis };
  const echo = await makeEpoll();
  if ("missing" in echo) throw new Error(`There is no echo to pass on to: ${echo.missing}`);
  await using target = new Program({
    command: [echo.path, "echo"],
    core: machine.cores?.load,
    ...setting,
  });
  const { port: targetPort } = await target.nextLine() as { port: number };
  const given = freePort();
  await using relay = new Program({
    command: await command(targetPort, given),
    core: machine.cores?.server,
    ...setting,
  });
  let port = given;
  if (isForeign === true) await isUp(port);
  else port = (await relay.nextLine() as { port: number }).port;
  const server = { pid: relay.pid, port };
  return figuresOf(work, await runLoad(generator, machine, server, work.load, duration), []);
}

console.log(`${machine.description}; Deno ${Deno.version.deno}; ${options.rounds} rounds`);
const WIDTHS = [16, 14, 16, 12, 12, 14] as const;
for (const name of listOf(options.works)) {
  const work = workNamed(name, { idle: 0, bulk: wholeNumber(options.bulk) });
  const runs = new Map(contestants.map((one) => [one, [] as Figures[]]));
  await inTurn(wholeNumber(options.rounds), contestants, async (one) => {
    runs.get(one)!.push(await runOnce(work, one));
  });
  const unit = work.unit === "MiB" ? "MiB" : "message";
  console.log(`\n${work.title}`);
  printRow(WIDTHS, ["", `${unit}/s`, `CPU per ${unit}`, "p50", "p99", "others busy"]);
  for (const [{ label, isOne }, figures] of runs) {
    const { rate, cpuMicros, p50Micros, p99Micros, otherBusy } = medians(figures);
    const cpu = isOne ? time(cpuMicros) : "-";
    const busy = `${Math.round(otherBusy * 100)} %`;
    printRow(WIDTHS, [label, short(rate), cpu, time(p50Micros), time(p99Micros), busy]);
  }
}
await Deno.remove(folder, { recursive: true });
