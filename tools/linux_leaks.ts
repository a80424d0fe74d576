// Opens, uses and ends 100,000 connections on the engine for Linux, in one process, and watches what is left: open
// descriptors, the heap and resident memory.
//
//   deno task leaks              100,000 connections
//   deno task leaks 10000        fewer

import { linuxNetwork, linuxNetworkProblem } from "../linux/mod.ts";
import { Client, Listener } from "../mod.ts";

const total = Number(Deno.args[0] ?? 100_000);
const AT_ONCE = 50;
const STEPS = 10;
/** What memory may differ by between the middle and the end. */
const MOST_GROWTH_IN_BYTES = 16 * 1024 * 1024;

const problem = linuxNetworkProblem();
if (problem !== undefined) {
  console.error(problem);
  Deno.exit(2);
}

interface Look {
  readonly descriptors: number;
  readonly heap: number;
  readonly resident: number;
}

function look(): Look {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external, rss } = Deno.memoryUsage();
  const descriptors = [...Deno.readDirSync("/proc/self/fd")].length;
  return { descriptors, heap: heapUsed + external, resident: rss };
}

const listener = new Listener(0, { interface: "127.0.0.1", network: linuxNetwork });
listener.attach({ onBytes: (_, bytes) => bytes, onError() {} });
await listener.start();
const config = { host: "127.0.0.1", port: listener.port, network: linuxNetwork };
const word = new Uint8Array(64);

/** Of ten connections seven end politely, two are aborted and one is cut by a reset. */
async function one(i: number): Promise<void> {
  const client = await Client.connect(i % 10 === 9 ? { ...config, resetOnAbort: true } : config);
  await client.write(word);
  await client.read(word.length);
  if (i % 10 < 7) await client.close();
  else client.abort();
}

const looks: Look[] = [];
for (let step = 0; step < STEPS; step++) {
  for (let done = 0; done < total / STEPS; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => one(i)));
  }
  while (listener.connections.size > 0) await new Promise((turn) => setImmediate(turn));
  const { descriptors, heap, resident } = look();
  looks.push({ descriptors, heap, resident });
  const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  console.log(
    `${(step + 1) * total / STEPS} connections: ${descriptors} descriptors, ` +
      `heap ${mib(heap)}, resident ${mib(resident)}`,
  );
}
await listener.immediateStop();
const [before, after] = [looks[STEPS / 2 - 1]!, looks.at(-1)!];
const problems = [
  ...after.descriptors > before.descriptors ? ["descriptors"] : [],
  ...after.heap > before.heap + MOST_GROWTH_IN_BYTES ? ["the heap"] : [],
  ...after.resident > before.resident + MOST_GROWTH_IN_BYTES ? ["resident memory"] : [],
];
console.log(problems.length === 0 ? "nothing has grown" : `grown: ${problems.join(", ")}`);
Deno.exit(problems.length === 0 ? 0 : 1);
