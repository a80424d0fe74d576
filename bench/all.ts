// The whole bench: every contestant at every work, in interleaved rounds. Writes results.json, results.md and
// chart.svg.
//
//   deno task bench                                   all of it: about an hour
//   deno task bench --works=ping-64-50,bulk --servers=service,raw,bun --rounds=3 --seconds=1
//   deno task bench --draw                            draws the results again from results.json
import { chartOf } from "./chart.ts";
import { gather } from "./contestants.ts";
import { makeGenerator } from "./load.ts";
import { lookAtMachine } from "./machine.ts";
import { listOf, readOptions, wholeNumber } from "./options.ts";
import { reportOf, type Results, short, tableOf, time } from "./report.ts";
import { runRounds } from "./rounds.ts";
import { allWorks, workNamed } from "./works.ts";

const options = readOptions({
  works: "",
  servers: "",
  rounds: "5",
  seconds: "2",
  idle: "10000",
  bulk: "1024",
  out: new URL("../docs/bench", import.meta.url).pathname,
  draw: "",
});

const round = (value: number) => Number(value.toPrecision(5));

/** A line for each run, five digits for each figure. */
function toJson(results: Results): string {
  const text = JSON.stringify(
    results,
    (_, value) => typeof value === "number" ? round(value) : value,
    1,
  );
  return text.replaceAll(/\{\n\s+"rate"[^}]*\}/g, (figures) => figures.replaceAll(/\n\s*/g, " "));
}

async function write(results: Results): Promise<void> {
  await Deno.mkdir(options.out, { recursive: true });
  await Deno.writeTextFile(`${options.out}/results.json`, toJson(results) + "\n");
  await Deno.writeTextFile(`${options.out}/results.md`, reportOf(results));
  await Deno.writeTextFile(`${options.out}/chart.svg`, chartOf(results));
}

async function measure(): Promise<Results> {
  const machine = await lookAtMachine();
  const generator = await makeGenerator();
  const { contestants, missing } = await gather(listOf(options.servers));
  for (const sentence of missing) console.log(sentence);
  console.log(`Load generator: ${generator.label}`);
  const seconds = wholeNumber(options.seconds), rounds = wholeNumber(options.rounds);
  const amounts = {
    idle: Math.min(wholeNumber(options.idle), machine.openFiles - 200),
    bulk: wholeNumber(options.bulk),
  };
  const names = listOf(options.works);
  const chosen = names.length === 0
    ? allWorks(amounts)
    : names.map((name) => workNamed(name, amounts));
  const duration = { warmInMillis: 700, timeInMillis: seconds * 1000 };
  const works: Results["works"][number][] = [];
  const results: Results = {
    machine: machine.description,
    runtime: `Deno ${Deno.version.deno}`,
    generator: generator.label,
    pinned: machine.cores !== undefined,
    rounds,
    secondsOfRun: seconds,
    missing,
    works,
  };
  for (const work of chosen) {
    console.log(`\n${work.title}`);
    const setting = { machine, generator, rounds, duration };
    const outcomes = await runRounds(setting, work, contestants, ({ label }, result) => {
      const said = result instanceof Error
        ? `failed: ${result.message}`
        : `${short(result.rate)}/s, CPU ${time(result.cpuMicros)}, p99.9 ${
          time(result.p999Micros)
        }`;
      console.log(`  ${label.padEnd(26)} ${said}`);
    });
    works.push({ work, outcomes });
    console.log(`\n${tableOf(work, outcomes)}`);
    // After each work, so that what was measured stays when the rest is interrupted.
    await write(results);
  }
  return results;
}

if (options.draw === "") await measure();
else await write(JSON.parse(await Deno.readTextFile(`${options.out}/results.json`)) as Results);
console.log(`\nWritten to ${options.out}`);
