// Where the kernel puts bytes, and how they get from there to the user.
//
// The bytes of a read belong to whoever called it: they may be kept, changed, or their buffer transferred to
// another thread. So no kernel read is ever begun in a buffer of which a view was handed out. What arrives
// small is copied into a slab (0.06 us) and handed out as a view of it; what fills a good part of the buffer
// is handed out with the whole buffer, and the next read gets a new one. No 64 KiB for an idle connection,
// no allocation for a small read, no copy of a big one.

import { HandOut } from "./hand_out.ts";

const SMALLEST = 1024;
const LARGEST = 256 * 1024;
/** Larger reads get an array of their own. */
const LONGEST_IN_SLAB = 512;
/** Whoever keeps one byte keeps the slab it lies in: small enough not to matter. */
const LARGEST_SLAB = 2 * 1024;
/** Shrink after this many reads in a row that would have fitted the next smaller size. */
const READS_BEFORE_SHRINKING = 64;

/** The buffer of one connection's kernel reads. */
export class ReadBuffer {
  #size = SMALLEST;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  /** What is small and unread lies apart from what was handed out: transferring that must not take it along. */
  readonly #unread = new HandOut(LONGEST_IN_SLAB, LARGEST_SLAB);
  readonly #handOut = new HandOut(LONGEST_IN_SLAB, LARGEST_SLAB);
  #smallReads = 0;

  /** Where the next kernel read puts its bytes; private until {@linkcode ReadBuffer.take}. */
  get target(): Uint8Array<ArrayBuffer> {
    return this.#buffer ??= new Uint8Array(this.#size);
  }

  /**
   * Takes what a kernel read put into the target.
   *
   * @param length How many bytes it put there, at least one.
   */
  take(length: number): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer!;
    if (length === buffer.length) {
      this.#buffer = undefined;
      this.#size = Math.min(this.#size * 4, LARGEST);
      this.#smallReads = 0;
      return buffer;
    }
    if (length > this.#size / 4) {
      this.#smallReads = 0;
    } else if (this.#size > SMALLEST && ++this.#smallReads === READS_BEFORE_SHRINKING) {
      this.#smallReads = 0;
      this.#size = Math.max(this.#size / 4, SMALLEST);
      this.#buffer = undefined;
    }
    if (length > LONGEST_IN_SLAB && length > buffer.length / 2) {
      this.#buffer = undefined;
      return buffer.subarray(0, length);
    }
    return this.#unread.copy(buffer, length);
  }

  /**
   * Makes bytes that were taken and queued the user's: nothing unread lies in their memory, and nothing will.
   *
   * @param bytes What is handed out.
   * @param isLast Whether nothing else is unread.
   */
  give(bytes: Uint8Array<ArrayBuffer>, isLast: boolean): Uint8Array<ArrayBuffer> {
    return isLast && !this.#unread.holds(bytes) ? bytes : this.#handOut.copy(bytes);
  }
}
