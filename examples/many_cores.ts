// As many processes of one program as there are cores, on one port; SIGHUP replaces them one by one, under load.
// Run: deno run --allow-run examples/many_cores.ts [PORT] [PROCESSES]

import { start } from "./many_cores_start.ts";

const [wanted = 61598, count = navigator.hardwareConcurrency] = Deno.args.map(Number);
const sum = { messages: 0, accepted: 0, died: 0 };
let isStopping = false;
let replacing = Promise.resolve();

type Worker = Awaited<ReturnType<typeof start>>;
const workers: Worker[] = [await start(wanted, sum)];
const { port } = workers[0]!;
while (workers.length < count) workers.push(await start(port, sum));
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
  return replacing = replacing.then(work).catch((error) => console.error(error.message));
}

async function end(worker: Worker): Promise<void> {
  worker.isWanted = false;
  try {
    worker.child.kill("SIGTERM");
  } catch { /* it has died */ }
  await worker.ended;
}

Deno.addSignalListener("SIGHUP", () =>
  inTurn(async () => {
    for (const place of workers.keys()) await replace(place);
    console.log("All processes are new");
  }));
async function stop(): Promise<void> {
  isStopping = true;
  await replacing;
  await Promise.all(workers.map(end));
  console.log(JSON.stringify(sum));
  Deno.exit();
}
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
