// Memory over time: what is alive after a collection, and what the process takes from the system.

/** Memory at one moment, in bytes. */
export interface Sample {
  /** What is alive on the heap and in buffers. */
  readonly live: number;
  /** Resident set of the process. */
  readonly resident: number;
}

/** Memory of one process through a scenario. */
export interface MemoryRecord {
  /** After the warm-up, before the load. */
  readonly before: Sample;
  /** Under full load. */
  readonly during: readonly Sample[];
  /** When all connections have ended. */
  readonly after: Sample;
}

/** How much memory may grow, in bytes. */
export interface Allowance {
  /** What is alive afterwards may exceed what was before by so much. */
  readonly after: number;
  /** What is alive in the last third of the load may exceed what was in the first third by so much. */
  readonly during: number;
  /** The same for the resident set. */
  readonly resident: number;
}

const MEBIBYTE = 2 ** 20;

/** Looks at the memory of this process, after a collection. */
export function measure(): Sample {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external, rss } = Deno.memoryUsage();
  return { live: heapUsed + external, resident: rss };
}

/** The same when nothing goes on: what only waits for another turn to be freed is gone. */
export async function measureAtRest(): Promise<Sample> {
  let least = measure();
  for (let still = 0, looks = 0; still < 3 && looks < 40; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const sample = measure();
    still = sample.live < least.live - 65_536 ? 0 : still + 1;
    if (sample.live < least.live) least = sample;
  }
  return least;
}

/** Whether memory grew more than it may. */
export function memoryProblems(
  who: string,
  { before, during, after }: MemoryRecord,
  allowance: Allowance,
): string[] {
  const problems: string[] = [];
  const judge = (what: string, growth: number, allowed: number) => {
    if (growth > allowed) {
      problems.push(
        `${who}: ${what} grew by ${inMebibytes(growth)}, allowed ${inMebibytes(allowed)}`,
      );
    }
  };
  judge("memory alive after all had ended", after.live - before.live, allowance.after);
  const third = Math.floor(during.length / 3);
  if (third > 0) {
    const grown = (of: (sample: Sample) => number) =>
      least(during.slice(-third).map(of)) - least(during.slice(0, third).map(of));
    judge("memory alive under load", grown(({ live }) => live), allowance.during);
    // A process without descriptors cannot look at its own resident set.
    if (during.every(({ resident }) => resident > 0)) {
      judge("the resident set under load", grown(({ resident }) => resident), allowance.resident);
    }
  }
  return problems;
}

/** The record in a few words. */
export function shownMemory({ before, during, after }: MemoryRecord): string {
  const all = [before, ...during, after];
  const peak = Math.max(...all.map(({ resident }) => resident));
  return `${inMebibytes(before.live)} → ${inMebibytes(after.live)} MiB alive, RSS at most ` +
    `${inMebibytes(peak, 0)} MiB`;
}

/** The record over time, at most ten moments of it. */
export function shownCourse({ before, during, after }: MemoryRecord): string {
  const step = Math.max(1, Math.ceil(during.length / 8));
  const shown = [before, ...during.filter((_, i) => i % step === 0), after];
  return shown.map(({ live, resident }) => `${inMebibytes(live)}/${inMebibytes(resident, 0)}`)
    .join(" ");
}

/** Bytes as mebibytes. */
export function inMebibytes(bytes: number, digits = 1): string {
  return (bytes / MEBIBYTE).toFixed(digits);
}

/** What is alive comes and goes; what leaks, stays. */
function least(values: readonly number[]): number {
  return Math.min(...values);
}
