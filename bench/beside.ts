// Fairness: one client sends tiny frames as fast as the server takes them, beside 50 ping-pongs.
//
//   deno task bench:beside           half a minute; fails where a ping-pong's p99 is over 5 ms
//   deno task bench:beside --seconds=1
import { makeGenerator, runLoad } from "./load.ts";
import { lookAtMachine } from "./machine.ts";
import { readOptions, wholeNumber } from "./options.ts";
import { Program } from "./process.ts";
import { short, time } from "./report.ts";
import { TINY_FRAMES } from "./tiny_frames.ts";
import { workNamed } from "./works.ts";

const MOST_MICROS = 5_000;

const options = readOptions({ seconds: "3" });
const duration = { warmInMillis: 500, timeInMillis: wholeNumber(options.seconds) * 1000 };
const machine = await lookAtMachine();
const generator = await makeGenerator();
const work = workNamed("ping-64-50", { idle: 0, bulk: 0 });
const inDeno = [Deno.execPath(), "run", "--quiet", "--allow-all", "--no-lock"];

function program(file: string, core: number | undefined, ...args: (string | number)[]): Program {
  const path = new URL(file, import.meta.url).pathname;
  return new Program({
    command: [...inDeno, path, ...args.map(String)],
    core,
    env: {},
    deadlineInMillis: duration.timeInMillis + 30_000,
  });
}

/** What the ping-pongs got beside a sender, and how many bytes per second of it were taken. */
async function measure(codec: string, frame: string | undefined) {
  await using server = program("servers/frames.ts", machine.cores?.server, codec);
  const ports = await server.nextLine() as { frames: number; echo: number };
  await using sender = frame === undefined
    ? undefined
    : program("load/tiny.ts", machine.cores?.load, ports.frames, encodeURIComponent(frame));
  await sender?.nextLine();
  const since = performance.now();
  const target = { pid: server.pid, port: ports.echo };
  const sample = await runLoad(generator, machine, target, work.load, duration);
  if (sender === undefined) return { sample, taken: 0 };
  await sender.nudge();
  const { taken } = await sender.nextLine() as { taken: number };
  return { sample, taken: taken / (performance.now() - since) * 1000 };
}

console.log(`${machine.description}; Deno ${Deno.version.deno}; load: ${generator.label}`);
console.log(`\n${work.title} beside        taken   messages/s        p50        p99       worst`);
let isSlow = false;
for (const [name, frame] of [["nobody", undefined] as const, ...Object.entries(TINY_FRAMES)]) {
  const { sample, taken } = await measure(frame === undefined ? "lines" : name, frame);
  isSlow ||= sample.p99Micros > MOST_MICROS;
  const cells = [
    name.padEnd(28),
    `${(taken / 1e6).toFixed(1)} MB/s`.padStart(19),
    short(sample.messages / sample.seconds).padStart(13),
    time(sample.p50Micros).padStart(11),
    time(sample.p99Micros).padStart(11),
    time(Math.max(sample.maxMicros, sample.oldestMicros)).padStart(12),
  ];
  console.log(cells.join(""));
}
if (isSlow) {
  console.log(`\nA ping-pong's p99 is over ${time(MOST_MICROS)}.`);
  Deno.exit(1);
}
