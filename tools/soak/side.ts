// One side of a scenario, in a process of its own: it prints lines of JSON, and each empty line that it gets
// is the word to go on. When its input ends, so does it.

import type { MemoryRecord, Sample } from "./memory.ts";
import { measure, measureAtRest } from "./memory.ts";

let words = 0;
let onWord: (() => void) | undefined;

/** Begins to listen for words. */
export async function listenForWords(): Promise<void> {
  const buffer = new Uint8Array(64);
  for (;;) {
    const length = await Deno.stdin.read(buffer);
    if (length === null) Deno.exit(0);
    words += buffer.subarray(0, length).filter((byte) => byte === 10).length;
    onWord?.();
  }
}

/** Waits for the next word. */
export async function nextWord(): Promise<void> {
  while (words === 0) await new Promise<void>((resolve) => onWord = resolve);
  words--;
}

/** Tells something. */
export async function tell(value: unknown): Promise<void> {
  let rest = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
}

/** Watches the memory of this process. */
export class MemoryWatch {
  readonly #before: Sample;
  readonly #during: Sample[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(before: Sample) {
    this.#before = before;
  }

  /** Looks at the memory before the load. */
  static async start(): Promise<MemoryWatch> {
    return new MemoryWatch(await measureAtRest());
  }

  /** The load is complete. */
  begin(everyMillis: number): void {
    this.#timer = setTimeout(() => {
      const start = performance.now();
      this.#during.push(measure());
      // A collection stops everything: it must not become most of what the process does.
      this.begin(Math.max(everyMillis, 20 * (performance.now() - start)));
    }, everyMillis);
  }

  /** The load is about to end. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /** All has ended. */
  async record(): Promise<MemoryRecord> {
    return { before: this.#before, during: this.#during, after: await measureAtRest() };
  }
}
