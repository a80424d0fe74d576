// What it costs to be observed: echoes, and connections that come and go, with nobody who listens to events, with
// onEvent and a subscriber of a channel, and with OpenTelemetry as well, whose collector is down.
//
//   deno task bench:observed               ratios to a listener that nobody listens to
//   deno task bench:observed --base=PATH   also beside another checkout of this repository
import { compare, prepare } from "./compare.ts";
import type { Contestant } from "./contestants.ts";
import { readOptions, wholeNumber } from "./options.ts";
import { workNamed } from "./works.ts";

const options = readOptions({ base: "", rounds: "5", seconds: "1" });
const { setting, contestants } = await prepare(wholeNumber(options.rounds), {
  warmInMillis: 500,
  timeInMillis: wholeNumber(options.seconds) * 1000,
});
const service = contestants.find(({ name }) => name === "service")!;
const file = new URL("servers/observed.ts", import.meta.url).pathname;
const otel = {
  OTEL_DENO: "true",
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
};

function one(name: string, label: string, env: Contestant["env"], program = file): Contestant {
  const command = [...service.command.slice(0, -1), program];
  return { ...service, name, label, roles: ["echo"], side: "ours", command, env };
}

const field: Contestant[] = [
  { ...one("off", "nobody listens", {}), side: "base" },
  one("events", "events", { BENCH_WATCH: "events" }),
  one("otel", "OTEL_DENO alone", otel),
  one("telemetry", "events and telemetry", { ...otel, BENCH_WATCH: "events,telemetry" }),
];
if (options.base !== "") {
  field.push(one("before", "other checkout", {}, `${options.base}/bench/servers/service.ts`));
}
let failed = false;
for (const name of ["ping-64-50", "churn"]) {
  const outcomes = await compare(setting, field, workNamed(name, { idle: 1, bulk: 1 }));
  failed ||= outcomes.some(({ problems }) => problems.length > 0);
}
Deno.exit(failed ? 1 : 0);
