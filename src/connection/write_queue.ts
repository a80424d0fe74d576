// What was written and has not gone out, in order: small content is gathered, big content is sent in place. A
// chain: nothing is allocated for it but the writes themselves.

import { ignore, type SocketError, writeError } from "../base/errors.ts";
import type { Borrower } from "../bytes/loan.ts";

/** Content of this size and more is sent in place; smaller content is gathered. */
const BIG_CONTENT = 16 * 1024;
/** At most this many bytes are gathered into one kernel write. */
export const LARGEST_GATHERING = 64 * 1024;

/** One write, and the place behind it in the queue. */
export class QueuedWrite implements Borrower {
  bytes: Uint8Array;
  /** How many they were when they were written: their buffer may be transferred or resized meanwhile. */
  readonly length: number;
  /** What its writer was given, where he was given a promise. */
  promise: Promise<number> | undefined;
  /** Called when they have gone out, with their count, or when they do not. */
  resolve: (count: number) => void = ignore;
  reject: (error: unknown) => void = ignore;
  next: QueuedWrite | undefined;
  /** Whether the bytes are still to be sent, and not from a copy. */
  needsBytes = true;
  #isInPlace = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.length = bytes.length;
  }

  /** A promise of the end of it. */
  promised(): Promise<number> {
    return this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** The bytes, for the system, which has them from now on. */
  inPlace(): Uint8Array {
    this.#isInPlace = true;
    return this.bytes;
  }

  copy(): boolean {
    if (this.#isInPlace || this.length >= BIG_CONTENT) return false;
    // Where they have been transferred away, whoever sends them finds that out.
    if (this.bytes.length === this.length) this.bytes = this.bytes.slice();
    return true;
  }
}

/** The writes of one connection. */
export class WriteQueue {
  /** How many there are. */
  count = 0;
  /** How many of them, at the front, are under way together. */
  underWay = 0;
  #first: QueuedWrite | undefined;
  #last: QueuedWrite | undefined;

  /** Puts one at the end. */
  append(write: QueuedWrite): void {
    if (this.#last === undefined) this.#first = write;
    else this.#last.next = write;
    this.#last = write;
    this.count++;
  }

  /** Puts those of another queue at the end, which is of no use then. */
  join(other: WriteQueue): void {
    if (other.#first === undefined) return;
    if (this.#last === undefined) this.#first = other.#first;
    else this.#last.next = other.#first;
    this.#last = other.#last;
    this.count += other.count;
  }

  /** Takes the first one off. */
  #shift(): QueuedWrite {
    const write = this.#first!;
    this.#first = write.next;
    if (this.#first === undefined) this.#last = undefined;
    // A write that its user keeps must not keep those behind it.
    write.next = undefined;
    write.needsBytes = false;
    this.count--;
    return write;
  }

  /**
   * The bytes of the first writes: one big one, or as many small ones as fit. They are under way from now on.
   *
   * @returns `undefined` where the first are not what they were.
   */
  gather(): Uint8Array | undefined {
    const first = this.#first!;
    if (first.bytes.length !== first.length) return undefined;
    let count = 1;
    let total = first.length;
    if (total < BIG_CONTENT) {
      for (let write = first.next; write !== undefined; write = write.next, count++) {
        const { length } = write;
        // What was written before it still goes out.
        if (write.bytes.length !== length) break;
        if (length >= BIG_CONTENT || total + length > LARGEST_GATHERING) break;
        total += length;
      }
    }
    this.underWay = count;
    if (count === 1) return first.inPlace();
    const gathered = new Uint8Array(total);
    let at = 0;
    for (let write: QueuedWrite | undefined = first; count > 0; write = write!.next, count--) {
      const { bytes, length } = write!;
      write!.needsBytes = false;
      // Also the buffer of no bytes may be gone by now, and cannot be copied from then.
      if (length > 0) gathered.set(bytes, at);
      at += length;
    }
    return gathered;
  }

  /** Those that are under way have gone out. */
  settle(): void {
    for (; this.underWay > 0; this.underWay--) {
      const write = this.#shift();
      write.resolve(write.length);
    }
  }

  /**
   * Nothing more of them goes out. Each is told how much had, and may be left alone.
   *
   * @param error Why.
   * @param unsent How many bytes of those that are under way have not gone out.
   */
  refuse(error: SocketError, unsent: number): void {
    let taken = -unsent;
    for (let write = this.#first, i = 0; i < this.underWay; write = write!.next, i++) {
      taken += write!.length;
    }
    this.underWay = 0;
    let untouched: SocketError | undefined;
    while (this.#first !== undefined) {
      const write = this.#shift();
      const { length, promise } = write;
      const count = Math.min(Math.max(taken, 0), length);
      taken -= count;
      // Where nobody was promised anything, nobody is told.
      if (promise === undefined) continue;
      if (count === length && length > 0) {
        write.resolve(count);
        continue;
      }
      promise.catch(ignore);
      write.reject(
        count > 0 ? writeError(error, count, length) : (untouched ??= writeError(error, 0)),
      );
    }
  }
}
