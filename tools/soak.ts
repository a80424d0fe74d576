// Bad days on real sockets, each for some seconds, with the books of both ends compared:
//
//   deno task soak                              all of them, about three minutes
//   deno task soak --only storm,cuts            some of them
//   deno task soak --seconds 600                longer
//   deno task soak --scale 0.1                  with fewer connections where it is about their number
//   deno task soak --network linux              on the engine for Linux
//   deno task soak --plant leak                 with a defect (leak, loss) in the server, to see it found
//
// Prints a row of a Markdown table for each. Ends with 1 where a byte was lost, memory grew or anything else is
// not as it must be.

import { parseArgs } from "node:util";
import cliProgress from "npm:cli-progress@3.12.0";
import { lookAtMachine } from "../bench/machine.ts";
import { shownCourse, shownMemory } from "./soak/memory.ts";
import { type Outcome, runScenario } from "./soak/run.ts";
import type { Scenario } from "./soak/scenario.ts";
import { scenarios } from "./soak/scenarios.ts";
import { amountOf, many } from "./soak/words.ts";

const SHOWN_PROBLEMS = 10;
const DEFECTS = ["leak", "loss"];

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "12" },
    scale: { type: "string", default: "1" },
    only: { type: "string" },
    plant: { type: "string" },
    network: { type: "string", default: "deno" },
  },
});

function refuse(what: string): never {
  console.error(what);
  Deno.exit(2);
}

const seconds = Number(values.seconds);
const scale = Number(values.scale);
if (!(seconds > 0)) refuse(`--seconds must be more than 0: got ${values.seconds}`);
if (!(scale > 0 && scale <= 1)) refuse(`--scale must be from 0 to 1: got ${values.scale}`);
if (values.plant !== undefined && !DEFECTS.includes(values.plant)) {
  refuse(`--plant must be one of ${DEFECTS.join(", ")}: got ${values.plant}`);
}
if (values.network !== "deno" && values.network !== "linux") {
  refuse(`--network must be deno or linux: got ${values.network}`);
}
const { network } = values;
const only = values.only?.split(",");
const unknown = only?.filter((name) => !scenarios.some((scenario) => scenario.name === name)) ?? [];
if (unknown.length > 0) {
  refuse(`Unknown: ${unknown.join()}; there are ${scenarios.map(({ name }) => name).join(", ")}`);
}
const chosen = scenarios.filter(({ name }) => only?.includes(name) ?? true);

const { description, openFiles } = await lookAtMachine();
console.log(`${description}, Deno ${Deno.version.deno}, ${seconds} s each under full load\n`);
console.log(
  "| What was thrown at it | How much | Arrived | Lost | Memory | Repeat it |",
);
console.log("| --- | --- | --- | --- | --- | --- |");
let failures = 0;
for (const scenario of chosen) {
  if (!await soak(scenario)) failures++;
}
Deno.exit(failures === 0 ? 0 : 1);

async function soak(scenario: Scenario): Promise<boolean> {
  const bar = new cliProgress.SingleBar({
    format: `${scenario.name.padEnd(12)} {bar} {value} of about {total} s`,
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    hideCursor: true,
    clearOnComplete: true,
  }, cliProgress.Presets.shades_classic);
  const start = performance.now();
  const passed = () => Math.round((performance.now() - start) / 1000);
  bar.start(Math.ceil(seconds) + 5, 0);
  const timer = setInterval(() => bar.update(passed()), 250);
  let outcome: Outcome | undefined;
  let problems: readonly string[];
  try {
    const defect = values.plant === undefined ? {} : { defect: values.plant };
    outcome = await runScenario(scenario, { seconds, scale, openFiles, network, ...defect });
    problems = outcome.problems;
  } catch (error) {
    problems = [`${error}`];
  } finally {
    clearInterval(timer);
    bar.stop();
  }
  if (outcome !== undefined) console.log(rowOf(scenario, outcome));
  for (const problem of problems.slice(0, SHOWN_PROBLEMS)) {
    console.error(`${scenario.name}: ${problem}`);
  }
  if (problems.length > SHOWN_PROBLEMS) {
    console.error(`${scenario.name}: and ${problems.length - SHOWN_PROBLEMS} more`);
  }
  return problems.length === 0;
}

function rowOf(scenario: Scenario, { server, clients, verdict, problems }: Outcome): string {
  const { connections, came, owed, lost, overtaken } = verdict;
  console.error(
    `${scenario.name}: alive/RSS of the server in MiB: ${shownCourse(server.memory)}; ` +
      `of the clients: ${shownCourse(clients.memory)}; stop: ${server.completed} completed, ` +
      `${server.aborted} cut, ${many(server.stopMillis)} ms; ${amountOf(overtaken)} overtaken; ${
        JSON.stringify(server.counts)
      } ` +
      `${JSON.stringify(clients.counts)}`,
  );
  const loss = lost > 0
    ? amountOf(lost)
    : problems.length > 0
    ? "see below"
    : `nothing of ${amountOf(owed)} owed`;
  return `| ${
    [
      scenario.title,
      scenario.amount(server, clients),
      `${amountOf(came)} on ${many(connections)} connections`,
      loss,
      shownMemory(server.memory),
      `\`deno task soak ${network === "linux" ? "--network linux " : ""}--only ${scenario.name}\``,
    ].join(" | ")
  } |`;
}
