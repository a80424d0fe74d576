// As many processes of one program as there are cores, on one port; SIGHUP replaces them one by one, under load.
// Run: deno run --allow-run examples/many_cores.ts [PORT] [PROCESSES]

import { start } from "./many_cores_start.ts";

const [wanted = 61598, count = navigator.hardwareConcurrency] = Deno.args.map(Number);
if (!(count >= 1)) throw new RangeError("PROCESSES must be a number from 1");
const sum = { messages: 0, accepted: 0, died: 0 };
let port = wanted;
let isStopping = false;
let replacing = Promise.resolve();

type Worker = Awaited<ReturnType<typeof start>>;
const workers: Worker[] = [];

// First: whoever sends a signal while they are started must not leave those behind that run already.
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop());
Deno.addSignalListener("SIGHUP", () =>
  inTurn(async () => {
    for (const place of workers.keys()) if (!isStopping) await replace(place);
    if (!isStopping) console.log("All processes are new");
  }));

await inTurn(async () => {
  while (workers.length < count && !isStopping) {
    const worker = await start(port, sum);
    port = worker.port;
    workers.push(worker);
  }
});
if (workers.length < count) await stop(1);
workers.forEach((worker, place) => watch(worker, place));
console.log(`Listening on 127.0.0.1:${port}`);

/** Replaces a process that dies, at most once a second: one that cannot live is not started in a storm. */
async function watch(worker: Worker, place: number): Promise<void> {
  await worker.ended;
  if (worker.isWanted) sum.died++;
  while (worker.isWanted && !isStopping) {
    console.error("A process has died: the next one in a second");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (!worker.isWanted || isStopping) return;
    await inTurn(() => replace(place));
  }
}

/** Starts a process first, then ends the one whose place it takes: that one answers what has come, and hangs up. */
async function replace(place: number): Promise<void> {
  const old = workers[place]!;
  workers[place] = await start(port, sum);
  void watch(workers[place], place);
  await end(old);
}

/** One after the other, so that a stop knows of each process. */
function inTurn(work: () => Promise<void>): Promise<void> {
  return replacing = replacing.then(() => isStopping ? undefined : work())
    .catch((error) => console.error(error.message));
}

async function end(worker: Worker): Promise<void> {
  worker.isWanted = false;
  try {
    worker.child.kill("SIGTERM");
  } catch { /* it has died */ }
  await worker.ended;
}

/** Ends all, and the program. The first call counts. */
async function stop(code = 0): Promise<void> {
  if (isStopping) return await new Promise(() => {});
  isStopping = true;
  await replacing;
  await Promise.all(workers.map(end));
  console.log(JSON.stringify(sum));
  Deno.exit(code);
}
