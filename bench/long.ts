// Whether memory grows: ten million messages through one server, with a look at its memory after each million
// or so. Each slice has connections of its own, so it is also 500 connections that come and go.
//
//   deno task bench:long                                  a minute and a half
//   deno task bench:long --server=raw --messages=1000000
import { gather } from "./contestants.ts";
import { makeGenerator, runLoad } from "./load.ts";
import { lookAtMachine } from "./machine.ts";
import { readOptions, wholeNumber } from "./options.ts";
import { memory, printRow } from "./report.ts";
import { memoryOf, startServer } from "./rounds.ts";
import { workNamed } from "./works.ts";

const options = readOptions({
  server: "service",
  work: "ping-64-50",
  messages: "10000000",
  seconds: "7",
});
const wanted = wholeNumber(options.messages);
const duration = { warmInMillis: 200, timeInMillis: wholeNumber(options.seconds) * 1000 };
const machine = await lookAtMachine();
const generator = await makeGenerator();
const work = workNamed(options.work, { idle: 0, bulk: 0 });
const contestant = (await gather([options.server])).contestants[0];
if (contestant === undefined) throw new RangeError(`There is no such server: ${options.server}`);

console.log(
  `${machine.description}; Deno ${Deno.version.deno}; ${contestant.label}, ${work.title}`,
);
await using server = startServer({ machine }, work, contestant, 600_000);
const { port } = await server.nextLine() as { port: number };

const WIDTHS = [12, 12, 12, 12];

async function look(messages: number): Promise<void> {
  const { rss, heapUsed, external } = await memoryOf(server, contestant!);
  const cells = [messages.toLocaleString("en"), memory(heapUsed), memory(external), memory(rss)];
  printRow(WIDTHS, cells);
}

printRow(WIDTHS, ["messages", "heap", "external", "resident"]);
await look(0);
let sent = 0;
for (const deadline = Date.now() + 500_000; sent < wanted && Date.now() < deadline;) {
  const target = { pid: server.pid, port };
  sent += (await runLoad(generator, machine, target, work.load, duration)).messages;
  await look(sent);
}
