// From samples to figures: what each run means, and the median of several.
import type { Sample } from "./load.ts";
import type { Work } from "./works.ts";

/** Looks at a server's memory, in bytes. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  /** The peak of the resident memory. */
  readonly peak: number;
}

/** The figures of one run, or the medians of several. */
export interface Figures {
  /** Units of the work per second. */
  readonly rate: number;
  /** The server's processor time per unit; 0 where the system does not report it. */
  readonly cpuMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly p999Micros: number;
  /** The longest wait, of the answered and of the unanswered. */
  readonly worstMicros: number;
  readonly fewest: number;
  readonly most: number;
  /** Bulk beside other work. */
  readonly mebibytesPerSecond: number;
  readonly lost: number;
  readonly disordered: number;
  readonly failed: number;
  /** Share of one core that each side used: 1 is all of it. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  /** What other processes used meanwhile, in cores: the nearer to 0, the better the figures. */
  readonly otherBusy: number;
  /** Resident memory that one idle connection costs. */
  readonly bytesPerConnection: number;
  /** Connections that were held, and answered at the end. */
  readonly held: number;
  /** How much the JavaScript heap, and what hangs on it, grew during the run, when it was collected. */
  readonly heapGrowth: number;
  /** The peak of the resident memory. */
  readonly peakMemory: number;
}

/** The figures of one run. */
export function figuresOf(work: Work, s: Sample, memory: readonly Memory[]): Figures {
  const count = work.unit === "MiB" ? s.bytes / 2 ** 20 : s.messages;
  const nanos = s.seconds * 1e9;
  const first = memory[0], last = memory.at(-1);
  const { connections = 0, base = 0, size = 0, mode } = work.load;
  const heap = (it: Memory) => it.heapUsed + it.external;
  return {
    rate: count / s.seconds,
    cpuMicros: count === 0 ? 0 : s.serverCpuNanos / 1000 / count,
    p50Micros: s.p50Micros,
    p99Micros: s.p99Micros,
    p999Micros: s.p999Micros,
    worstMicros: Math.max(s.maxMicros, mode === "datagrams" ? 0 : s.oldestMicros),
    fewest: s.fewest,
    most: s.most,
    mebibytesPerSecond: Math.max(0, s.bytes - s.messages * size) / 2 ** 20 / s.seconds,
    lost: s.lost,
    disordered: s.disordered,
    failed: s.failed,
    serverBusy: s.serverCpuNanos / nanos,
    loadBusy: s.loadCpuNanos / nanos,
    otherBusy: s.otherCpuNanos / nanos,
    bytesPerConnection: mode === "idle" && first && last
      ? (last.rss - first.rss) / (connections - base)
      : 0,
    held: s.held,
    heapGrowth: first && last ? heap(last) - heap(first) : 0,
    peakMemory: last?.peak ?? 0,
  };
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of each figure by itself. */
export function medians(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0]!) as (keyof Figures)[];
  const entries = names.map((name) => [name, median(runs.map((run) => run[name]))]);
  return Object.fromEntries(entries) as Figures;
}
