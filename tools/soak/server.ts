// The server of a scenario, in its own process: NAME SECONDS [DEFECT].

import { type Defect, Echo } from "./echo.ts";
import { Ledger } from "./ledger.ts";
import type { Counts, ServerReport } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { listenForWords, MemoryWatch, nextWord, tell } from "./side.ts";

const [name, seconds, defect] = Deno.args;
const scenario = scenarios.find((scenario) => scenario.name === name)!;
const ledger = new Ledger();
const echoes = scenario.listeners.map((plan) => new Echo(plan, ledger, defect as Defect));
const listeners = echoes.map(({ listener }) => listener);
for (const listener of listeners) await listener.start();

void listenForWords();
await tell(listeners.map(({ port }) => port));
await nextWord();
for (const echo of echoes) await echo.settled();
const watch = await MemoryWatch.start();
await tell("begin");

const stopping = new AbortController();
const working = scenario.serverWork?.(listeners, stopping.signal);
await nextWord();
watch.begin(Math.max(50, Math.min(1_000, Number(seconds) * 1_000 / 9)));
await nextWord();
watch.end();
stopping.abort();
const worked: Counts = await working ?? {};

const start = performance.now();
const stops = await Promise.all(
  listeners.map((listener) => listener.gracefulStop({ deadlineInMillis: 20_000 })),
);
const stopMillis = performance.now() - start;
for (const echo of echoes) await echo.settled();

const counts: Record<string, number> = { ...worked };
const add = (what: string, by: number) => counts[what] = (counts[what] ?? 0) + by;
for (const { counts: own, listener } of echoes) {
  for (const [what, by] of Object.entries(own)) add(what, by);
  const { accepted, open, queuedBytes, rejected } = listener.stats();
  add("accepted", accepted);
  add("left open", open + listener.connections.size);
  add("left queued", queuedBytes);
  for (const [reason, by] of Object.entries(rejected)) if (by > 0) add(reason, by);
}
// Before the books are opened, which takes memory, too.
const memory = await watch.record();
const report: ServerReport = {
  entries: ledger.entries(),
  counts,
  completed: stops.reduce((sum, { completed }) => sum + completed, 0),
  aborted: stops.reduce((sum, { aborted }) => sum + aborted, 0),
  stopMillis,
  memory,
};
await tell(report);
