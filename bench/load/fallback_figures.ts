// The base of the generator in Deno: the plan, the clock, processor times, and the figures it prints.

const plan = {
  connections: 1,
  streams: 0,
  size: 64,
  flight: 1,
  base: 0,
  total: 0,
  warm: 300,
  time: 1000,
};
const numbers = { ...plan, port: 0, pid: 0 };

/** The plan, from the command line. */
export const asked = { mode: "", ...numbers };
for (let i = 0; i + 1 < Deno.args.length; i += 2) {
  const name = Deno.args[i]!.slice(2), value = Deno.args[i + 1]!;
  if (name === "mode") asked.mode = value;
  else if (name in numbers) asked[name as keyof typeof numbers] = Number(value);
  else throw new TypeError(`There is no such option: --${name}`);
}

/** Processor time of a process, in nanoseconds; 0 where the system does not report it. */
function cpuOf(pid: number): number {
  try {
    let nanos = 0;
    for (const task of Deno.readDirSync(`/proc/${pid}/task`)) {
      nanos += Number(
        Deno.readTextFileSync(`/proc/${pid}/task/${task.name}/schedstat`).split(" ")[0],
      );
    }
    return nanos;
  } catch {
    return 0;
  }
}

/** How long all cores were at work, in nanoseconds; a tick is a hundredth of a second nearly everywhere. */
function machineCpu(): number {
  try {
    const [, user, nice, system, , , hard, soft, stolen] = Deno.readTextFileSync("/proc/stat")
      .split(/\s+/, 9).map(Number) as [number, ...number[]];
    return (user! + nice! + system! + hard! + soft! + stolen!) * 1e7;
  } catch {
    return 0;
  }
}

/** The figures of the run. */
export const run = {
  measuring: false,
  messages: 0,
  bytes: 0,
  lost: 0,
  disordered: 0,
  failed: 0,
  held: 0,
  counts: [] as number[],
  waiting: [] as (() => number)[],
};

const waits: number[] = [];
let opened = 0, server = 0, own = 0, machine = 0;

/** Notes how long one message took, since `begun` of `performance.now()`, on the connection of that index. */
export function answered(begun: number, index = 0): void {
  if (!run.measuring) return;
  waits.push(performance.now() - begun);
  run.messages++;
  run.counts[index] = (run.counts[index] ?? 0) + 1;
}

/** Begins to measure. */
export function openWindow(): void {
  server = cpuOf(asked.pid);
  own = cpuOf(Deno.pid);
  machine = machineCpu();
  opened = performance.now();
  run.measuring = true;
}

/** Ends the measuring, prints the figures and the program. */
export function closeWindow(): never {
  run.measuring = false;
  const seconds = (performance.now() - opened) / 1000;
  waits.sort((a, b) => a - b);
  const serverCpuNanos = cpuOf(asked.pid) - server, loadCpuNanos = cpuOf(Deno.pid) - own;
  const others = machineCpu() - machine - serverCpuNanos - loadCpuNanos;
  const share = (it: number) => (waits[Math.ceil(it * waits.length) - 1] ?? 0) * 1000;
  const counts = run.counts.length === 0 ? [0] : run.counts;
  console.log(JSON.stringify({
    seconds,
    messages: run.messages,
    bytes: run.bytes,
    serverCpuNanos,
    loadCpuNanos,
    otherCpuNanos: Math.max(0, others),
    p50Micros: share(0.5),
    p99Micros: share(0.99),
    p999Micros: share(0.999),
    maxMicros: share(1),
    oldestMicros: Math.max(0, ...run.waiting.map((since) => performance.now() - since())) * 1000,
    fewest: Math.min(...counts),
    most: Math.max(...counts),
    lost: run.lost,
    disordered: run.disordered,
    failed: run.failed,
    held: run.held,
  }));
  Deno.exit(0);
}

/** Warms up, measures and ends. */
export async function measure(): Promise<never> {
  await rest(asked.warm);
  openWindow();
  await rest(asked.time);
  closeWindow();
}

/** Resolves after some milliseconds. */
export function rest(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
