// How fast lines of text are answered: by this library, by hand on Deno's raw sockets, by the standard
// library's line stream, by node:readline in Node and in Deno; beside an echo that ignores lines.
//
//   deno task bench:framing           64 B lines, 16 in flight, 50 connections
//
// What counts is the server's CPU for one line and its ratio to raw sockets, to readline, and to the echo.
import type { Contestant } from "./contestants.ts";
import { makeNode } from "./build.ts";
import { makeGenerator } from "./load.ts";
import { lookAtMachine } from "./machine.ts";
import { readOptions, wholeNumber } from "./options.ts";
import { short, time } from "./report.ts";
import { runRounds } from "./rounds.ts";
import type { Work } from "./works.ts";

const options = readOptions({ rounds: "5", seconds: "2" });

const lines: Work = {
  name: "text-64-50",
  title: "64 B lines of text, each answered, 50 connections, 16 in flight",
  role: "text",
  load: { mode: "streams", connections: 50, size: 64, flight: 16 },
  unit: "message",
};

const inDeno = [Deno.execPath(), "run", "--quiet", "--allow-all", "--no-lock"];
const path = (file: string) => new URL(`servers/${file}`, import.meta.url).pathname;
const one = (label: string, side: Contestant["side"], ...command: string[]): Contestant => ({
  name: label,
  label,
  side,
  roles: ["text"],
  command,
  tellsMemory: false,
  env: {},
});

const contestants = [
  one("framedService", "ours", ...inDeno, path("text_service.ts")),
  one("framed loop", "ours", ...inDeno, path("text_loop.ts")),
  // The role argument is ignored: this one is an echo.
  one("echo, no lines", "limit", ...inDeno, path("service.ts"), "echo"),
  one("Deno raw", "base", ...inDeno, path("text_raw.ts")),
  one("Deno raw, write each", "peer", ...inDeno, path("text_raw.ts"), "text", "each"),
  one("TextLineStream", "peer", ...inDeno, path("text_std.ts")),
  one("readline in Deno", "peer", ...inDeno, path("text_readline.mjs")),
];
const node = await makeNode();
if ("path" in node) {
  contestants.push(one("readline in Node", "peer", node.path, path("text_readline.mjs")));
}

const machine = await lookAtMachine();
const generator = await makeGenerator();
console.log(`${machine.description}; Deno ${Deno.version.deno}; load: ${generator.label}`);
console.log(`\n${lines.title}\n`);
const setting = {
  machine,
  generator,
  rounds: wholeNumber(options.rounds),
  duration: { warmInMillis: 500, timeInMillis: wholeNumber(options.seconds) * 1000 },
};
const outcomes = await runRounds(setting, lines, contestants, () => {});

const costOf = (label: string) =>
  outcomes.find(({ name }) => name === label)?.figures?.cpuMicros ?? NaN;
const [raw, echo] = [costOf("Deno raw"), costOf("echo, no lines")];
console.log(
  "                        lines/s   CPU per line  CPU/raw  CPU/echo       p50     p99.9",
);
for (const { label, figures, problems } of outcomes) {
  if (figures === undefined) {
    console.log(`${label}: failed: ${problems[0]}`);
    continue;
  }
  const cells = [
    short(figures.rate).padStart(9),
    time(figures.cpuMicros).padStart(14),
    (figures.cpuMicros / raw).toFixed(2).padStart(8),
    (figures.cpuMicros / echo).toFixed(2).padStart(9),
    time(figures.p50Micros).padStart(9),
    time(figures.p999Micros).padStart(9),
  ];
  console.log(`${label.padEnd(22)}${cells.join(" ")}`);
}
Deno.exit(outcomes.some(({ problems }) => problems.length > 0) ? 1 : 0);
