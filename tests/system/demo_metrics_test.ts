// `deno task demo:metrics`, short: what it prints on a terminal and elsewhere, where to scrape, and what it leaves.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { samplesOf, tableOf } from "../../tools/demo/samples.ts";
import { isInstalled, outputOf, Program } from "../support/program.ts";

/** The command of the task. */
async function command(): Promise<string[]> {
  const { tasks } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  const [deno, run, ...rest] = tasks["demo:metrics"].command.split(" ");
  assertEquals([deno, run], ["deno", "run"]);
  return [run, "--quiet", "--no-prompt", ...rest];
}

async function start(seconds: number) {
  const program = new Program("deno", [...await command(), `--seconds=${seconds}`]);
  const [, url] = await program.line(/^Its numbers, for a browser or Prometheus: (.*)$/);
  const samples = async () => samplesOf(await (await fetch(url!)).text());
  return { program, samples };
}

/** The two books that it prints agree, and there is something in them. */
function checkBooks(output: string): void {
  const [, service] = /^The service: (.*)$/m.exec(output)!;
  const [, clients] = /^Its clients: (.*)$/m.exec(output)!;
  assertEquals(service, clients);
  assertMatch(service!, /^[1-9]\d+ connections, [\d,]*[1-9][\d,]* answers$/);
}

Deno.test("demo:metrics shows numbers without a terminal, can be scraped, and ends by itself", async () => {
  const { program, samples } = await start(1);
  await using _ = program;
  // Until the first guest has come; the program's lifetime bounds this.
  while ((await samples())["socket_accepted_total"] === 0);
  const { code, stdout, stderr } = await program.ending();
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^After \d s:\n +now +per second\nsocket_connections +\d+\n/m);
  assertMatch(stdout, /^socket_accepted_total +\d+ +\d+$/m);
  assertMatch(stdout, /^\{.*"event":"ended".*\}$/m);
  assert(!stdout.includes("\x1b"));
  checkBooks(stdout);
});

Deno.test("demo:metrics leaves no service behind when it is interrupted", async () => {
  const { program, samples } = await start(600);
  await using _ = program;
  await samples();
  program.signal("SIGINT");
  assertEquals((await program.ending()).code, 1);
  await assertRejects(samples, TypeError);
});

Deno.test("demo:metrics refuses a time that is none", async () => {
  await using program = new Program("deno", [...await command(), "--seconds=never"]);
  const { code, stderr } = await program.ending();
  assertEquals([code, stderr], [
    2,
    "--seconds must be more than 0, and at most 86,400: got never\n",
  ]);
});

const hasScript = await isInstalled("script");
if (!hasScript) console.log("skipped: there is no script here to be a terminal for demo:metrics");
Deno.test({
  name: "demo:metrics draws its table anew on a terminal",
  ignore: !hasScript,
  async fn() {
    const words = [Deno.execPath(), ...await command(), "--seconds=3"];
    const line = words.map((word) => `'${word}'`).join(" ");
    const output = (await outputOf("script", ["-qec", line, "/dev/null"]))
      .replaceAll("\r", "").replaceAll("\x1b[", "ESC ");
    // One table is over the last one: it goes up by as many lines as that had.
    const [, first, up] = /(After \d s:\n[^]*?)\nESC (\d+)AESC JAfter \d s:\n/.exec(output)!;
    assertEquals(Number(up), first!.split("\n").length);
    checkBooks(output);
  },
});

Deno.test("tableOf() has what is not zero, and how much counters grow", () => {
  const last = samplesOf("# HELP a what\n# TYPE a gauge\na 5\nb_total 10\n");
  const now = samplesOf(`a 7\nb_total 3010\nc_total{x="y z"} 4\nd 0\n`);
  assertEquals(
    tableOf(now, last, 2).split("\n").map((line) => line.replaceAll(/ {2,}/g, "|")),
    ["|now|per second", "a|7", "b_total|3,010|1,500", 'c_total{x="y z"}|4|2'],
  );
});
