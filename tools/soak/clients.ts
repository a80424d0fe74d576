// The clients of a scenario, in their own process: NAME SECONDS SCALE DESCRIPTORS PORT...

import { Crowd } from "./crowd.ts";
import type { ClientReport } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { listenForWords, MemoryWatch, nextWord, tell } from "./side.ts";

const WARM_UP_VISITS = 30;

const [name, seconds, scale, descriptors, ...ports] = Deno.args;
const scenario = scenarios.find((scenario) => scenario.name === name)!;
const crowd = new Crowd(ports.map(Number), Number(scale), Number(descriptors));

void listenForWords();
for (const to of ports.keys()) {
  const { recordLength } = scenario.listeners[to]!;
  const messages = recordLength === undefined ? 20 : 2;
  const lengths = [recordLength ?? 1, recordLength ?? 65_536] as const;
  const visit = { to, messages, lengths, isForbearing: true };
  for (let done = 0; done < WARM_UP_VISITS; done += 10) {
    await Promise.all(Array.from({ length: 10 }, () => crowd.visit(visit)));
    if (recordLength !== undefined && recordLength > 2 ** 20) break;
  }
}
await tell("warm");
await nextWord();
const watch = await MemoryWatch.start();
const loading = scenario.load(crowd);
await crowd.completed;
await tell("complete");
watch.begin(Math.max(50, Math.min(1_000, Number(seconds) * 1_000 / 9)));
await nextWord();
watch.end();
crowd.stop();
await tell("stopping");
await loading;
// Before the books are opened, which takes memory, too.
const memory = await watch.record();
const report: ClientReport = {
  entries: crowd.ledger.entries(),
  counts: crowd.counts,
  failures: crowd.failures,
  slowestMillis: crowd.slowestMillis,
  memory,
};
await tell(report);
