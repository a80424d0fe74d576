// A hash of what happened: runs with the same hash did the same things in the same order.
//
// Two 32-bit multiplicative hashes side by side give 53 usable bits. The last lines are kept as text, for the
// message of a run that failed.

const KEPT_LINES = 40;

/** A growing list of events, of which the hash and the end are kept. */
export class Trace {
  #high = 0xdeadbeef | 0;
  #low = 0x41c6ce57 | 0;
  #count = 0;
  readonly #lines: string[] = [];

  /** How many events were added. */
  get count(): number {
    return this.#count;
  }

  /** The hash of all events, 14 hexadecimal digits. */
  get hash(): string {
    const high = Math.imul(this.#high ^ (this.#low >>> 16), 0x85ebca6b);
    const low = Math.imul(this.#low ^ (this.#high >>> 13), 0xc2b2ae35);
    return (0x200000 * ((high ^ low) >>> 0) + ((low ^ (low >>> 16)) & 0x1fffff))
      .toString(16).padStart(14, "0");
  }

  /** The last events, the newest last. */
  get lines(): string[] {
    const at = this.#count % KEPT_LINES;
    return this.#count <= KEPT_LINES
      ? [...this.#lines]
      : [...this.#lines.slice(at), ...this.#lines.slice(0, at)];
  }

  /** Adds an event. */
  add(line: string): void {
    let high = this.#high;
    let low = this.#low;
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      high = Math.imul(high ^ code, 0x9e3779b1);
      low = Math.imul(low ^ code, 0x5f356495);
    }
    this.#high = high ^ (low >>> 15);
    this.#low = low ^ (high >>> 13);
    this.#lines[this.#count++ % KEPT_LINES] = line;
  }
}

/** A short fingerprint of bytes, for a line of a trace: not every byte of long ones is looked at. */
export function fingerprint(bytes: Uint8Array): string {
  const step = Math.max(1, bytes.length >> 5);
  let hash = bytes.length | 0;
  for (let i = 0; i < bytes.length; i += step) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash >>> 0).toString(36);
}
