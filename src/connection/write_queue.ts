// What was written and has not gone out, in order: small content is gathered, big content is sent in place. A chain:
// nothing is allocated for it but the writes themselves.

import { ignore, type SocketError, writeError } from "../base/errors.ts";
import type { Borrower } from "../bytes/loan.ts";

/** Content of this size and more is sent in place; smaller content is gathered. */
const BIG_CONTENT = 16 * 1024;
/** At most this many bytes are gathered into one kernel write. */
export const LARGEST_GATHERING = 64 * 1024;

/** One write, and the place behind it in the queue. */
export class QueuedWrite implements Borrower {
  bytes: Uint8Array;
  /** The length at the time of the write: the buffer may be transferred or resized later. */
  readonly length: number;
  /** The promise that the caller was given, if any. */
  promise: Promise<number> | undefined;
  /** Called with the count of bytes when they have gone out; `reject` when they do not. */
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

  /** Gives a promise for the end of this write. */
  promised(): Promise<number> {
    return this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Gives the bytes to the system, which has them from now on. */
  inPlace(): Uint8Array {
    this.#isInPlace = true;
    return this.bytes;
  }

  copy(): boolean {
    if (this.#isInPlace || this.length >= BIG_CONTENT) return false;
    // If they were transferred away, sending them will find that out.
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

  /** Appends the writes of another queue, which must not be used afterwards. */
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
   * @returns `undefined` if the bytes of the first write have changed.
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
      // A buffer of no bytes may be gone by now, too, and then cannot be copied from.
      if (length > 0) gathered.set(bytes, at);
      at += length;
    }
    return gathered;
  }

  /** The writes that are under way have gone out. */
  settle(): void {
    for (; this.underWay > 0; this.underWay--) {
      const write = this.#shift();
      write.resolve(write.length);
    }
  }

  /**
   * Nothing more goes out. Each promise settles by how much of its write had gone out, and need not be awaited.
   *
   * @param error Why.
   * @param unsent How many bytes of those that are under way are not known to have gone out.
   * @param unsure How many of these may have, all the same.
   */
  refuse(error: SocketError, unsent: number, unsure = 0): void {
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
      // Without a promise there is nothing to reject.
      if (promise === undefined) continue;
      if (count === length && length > 0) {
        write.resolve(count);
        continue;
      }
      promise.catch(ignore);
      const more = Math.min(unsure, length - count);
      unsure -= more;
      const most = count + more;
      write.reject(
        most > 0 ? writeError(error, most, length, more > 0) : (untouched ??= writeError(error, 0)),
      );
    }
  }
}
