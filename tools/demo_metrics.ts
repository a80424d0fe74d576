// Shows what a service says of itself: starts examples/service, puts a load on it, prints its numbers, and stops it as a
// system does that replaces it.
//
//   deno task demo:metrics                                      some 15 seconds
//   deno task demo:metrics --seconds=600 --probe-port=7001      time enough for a Prometheus of yours
//
// On a terminal the table is live; elsewhere it is printed at times. Ends with 1 where the books of the service and of
// its clients do not agree.

import { parseArgs } from "node:util";
import { Load } from "./demo/load.ts";
import { tableOf } from "./demo/samples.ts";
import { DemoService } from "./demo/service.ts";
import { many } from "./soak/words.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "13" },
    "probe-port": { type: "string", default: "0" },
  },
});
const seconds = Number(values.seconds);
if (!(seconds > 0 && seconds <= 86_400)) {
  console.error(`--seconds must be more than 0, and at most 86,400: got ${values.seconds}`);
  Deno.exit(2);
}

const isLive = Deno.stdout.isTerminal();
const EVERY_MILLIS = isLive ? 1_000 : 5_000;

const service = new DemoService([
  `--probe-port=${values["probe-port"]}`,
  "--accept-for=600000",
  "--deadline=5000",
]);
// Nothing is left running when the demo is interrupted.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    service.signal("SIGKILL");
    Deno.exit(1);
  });
}
await service.started;
console.log(`A service (examples/service/main.ts), and clients that talk to it for ${seconds} s.`);
console.log(`Its numbers, for a browser or Prometheus: ${service.url}\n`);

const load = new Load(service.port);
let last = await service.samples();
let lastAt = performance.now();
let shownLines = 0;

/** Prints the table, on a terminal over the last one. */
async function show(heading: string): Promise<void> {
  const samples = await service.samples();
  const now = performance.now();
  const table = tableOf(samples, last, (now - lastAt) / 1_000);
  [last, lastAt] = [samples, now];
  const text = `${heading}\n${table}\n`;
  if (isLive && shownLines > 0) console.log(`\x1b[${shownLines + 1}A\x1b[J${text}`);
  else console.log(text);
  shownLines = text.split("\n").length - 1;
}

const beginsAt = performance.now();
const elapsed = () => performance.now() - beginsAt;
while (elapsed() < seconds * 1_000) {
  const left = seconds * 1_000 - elapsed();
  await new Promise((resolve) => setTimeout(resolve, Math.min(EVERY_MILLIS, left)));
  await show(`After ${Math.round(elapsed() / 1_000)} s:`);
}

console.log(`The last line of its log:\n${service.lastRecord}\n`);
console.log("SIGTERM: it is not ready any more, and still serves whoever comes.");
service.signal("SIGTERM");
await load.sendNobody();
console.log(
  "The load balancer has noticed. Who is idle gets a goodbye, who is not gets an answer.",
);
service.signal("SIGINT");
await load.gone();
await service.ended;

const { accepted, answered } = service.said.stopped ?? {};
const books = (connections: unknown, answers: unknown) =>
  `${many(Number(connections))} connections, ${many(Number(answers))} answers`;
console.log(`\nThe service: ${books(accepted, answered)}`);
console.log(`Its clients: ${books(load.connections, load.answers)}`);
for (const failure of load.failures) console.error(failure);
const isRight = accepted === load.connections && answered === load.answers;
if (!isRight) console.error("The books do not agree");
Deno.exit(isRight && load.failures.length === 0 ? 0 : 1);
