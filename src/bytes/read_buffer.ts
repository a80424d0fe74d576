// Where the kernel puts bytes, and how they get from there to the user.
//
// The bytes of a read belong to its caller: they may be kept, changed, or their buffer transferred to another thread.
// So no kernel read ever begins in a buffer of which a view was handed out:
//
//   small   copied, when it is handed out, into a slab (0.06 us) that nothing unread lies in
//   large   handed out with the whole buffer, and the next read gets a new one
//   unread  when the next read begins: the same, into a slab of its own or with the whole buffer
//
// No 64 KiB for an idle connection, no allocation for a small read, no copy of a big one. What is only lent is a view
// of the buffer itself, until the loan ends.

import { HandOut } from "./hand_out.ts";
import { Loan } from "./loan.ts";
import { type MemoryKeeper, SpareMemory } from "./spare_memory.ts";

const SMALLEST = 512;
/** Fits the processor's caches: 32 KiB and 128 KiB move a third less. */
const LARGEST = 64 * 1024;
/** Shorter reads are copied rather than handed out with a whole buffer, however small it is. */
const LONGEST_COPIED = 512;
/** Shrink after this many reads in a row that would have fitted the next smaller size. */
const READS_BEFORE_SHRINKING = 64;

const spareMemory = new SpareMemory();

/** The buffer of one connection's kernel reads. */
export class ReadBuffer implements MemoryKeeper {
  place = -1;
  #size = SMALLEST;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #handOut: HandOut | undefined;
  /** Small unread bytes lie apart from those handed out: a transfer of those must not take them along. */
  #unread: HandOut | undefined;
  #smallReads = 0;
  #loan: Loan | undefined;
  /** Whether nothing is in the target, and nobody puts anything there before asking for it again. */
  #isSpare = false;
  /** Whether nothing was read since it was asked for spare memory. */
  #isQuiet = false;
  #isRetired = false;

  /** Where the next kernel read puts its bytes. No unread bytes may lie there: see `keep`. */
  get target(): Uint8Array<ArrayBuffer> {
    return this.#buffer ?? this.#newBuffer();
  }

  /**
   * Takes over what a kernel read has put into the target, and chooses the size of the next one.
   *
   * @param length How many bytes, at least one.
   * @returns These bytes, in place.
   */
  filled(length: number): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer!;
    this.#isSpare = this.#isQuiet = false;
    spareMemory.onRead();
    if (length === buffer.length) {
      this.#size = Math.min(this.#size * 4, LARGEST);
      this.#smallReads = 0;
      return buffer;
    }
    if (length > this.#size / 4) {
      this.#smallReads = 0;
    } else if (this.#size > SMALLEST && ++this.#smallReads === READS_BEFORE_SHRINKING) {
      this.#smallReads = 0;
      this.#size = Math.max(this.#size / 4, SMALLEST);
    }
    return new Uint8Array(buffer.buffer, 0, length);
  }

  /**
   * Makes the target ready for the next read. What is lent still, while a connection closes, stays as it is.
   *
   * @param isSpare Whether whoever reads asks for the target only when there is something to read.
   */
  renew(isSpare = false): void {
    this.#isSpare = isSpare;
    if (this.#loan?.isOut === true || this.#buffer?.length !== this.#size) this.#giveUp();
  }

  /**
   * Lends bytes until {@linkcode ReadBuffer.endLoan}.
   *
   * @param bytes All that is unread.
   */
  lend(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#loan ??= new Loan();
    const lent = this.holds(bytes) ? bytes : this.give(bytes, true);
    this.#loan.begin(lent);
    return lent;
  }

  /** The bytes that were lent are not any more. @param overwrites Whether whoever has kept them is to find out. */
  endLoan(overwrites: boolean): void {
    const loan = this.#loan;
    // A read may have begun since, into another buffer.
    if (loan?.end(overwrites) === true && loan.isOf(this.#buffer?.buffer)) this.#giveUp();
  }

  /** Whether the target was transferred by a user to whom bytes of it were lent. */
  get isGone(): boolean {
    return this.#buffer?.length === 0;
  }

  /** Nothing is read any more: what is lent stays as it is. */
  retire(): void {
    this.#loan?.forget();
    this.#giveUp();
    spareMemory.delete(this);
    this.#isRetired = true;
  }

  /** Whether bytes lie in the target. */
  holds(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#buffer?.buffer;
  }

  /** Moves unread bytes to memory that no kernel read will overwrite. */
  keep(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (!this.holds(bytes)) return bytes;
    if (this.#fills(bytes)) {
      this.#giveUp();
      return bytes;
    }
    return (this.#unread ??= this.#newHandOut()).copy(bytes);
  }

  /**
   * Makes bytes the user's own: no unread bytes lie in their memory, now or later.
   *
   * @param bytes What is handed out.
   * @param isLast Whether nothing else is unread.
   */
  give(bytes: Uint8Array<ArrayBuffer>, isLast: boolean): Uint8Array<ArrayBuffer> {
    const isInTarget = this.holds(bytes);
    const hasItsOwn = isInTarget ? this.#fills(bytes) : this.#unread?.holds(bytes) !== true;
    if (!isLast || !hasItsOwn) return (this.#handOut ??= this.#newHandOut()).copy(bytes);
    if (isInTarget) this.#giveUp();
    return bytes;
  }

  /** Whether bytes are worth the whole buffer. */
  #fills({ length }: Uint8Array): boolean {
    return length > LONGEST_COPIED && length > this.#buffer!.length / 2;
  }

  giveBack(): boolean {
    if (!this.#isQuiet) {
      this.#isQuiet = true;
      return false;
    }
    // What was handed out of them, or is unread, keeps their memory, and nobody writes there any more.
    this.#handOut = this.#unread = undefined;
    if (this.#isSpare && !this.isGone) this.#giveUp();
    if (this.#loan?.isOut !== true) this.#loan = undefined;
    return this.#buffer === undefined;
  }

  #newBuffer(): Uint8Array<ArrayBuffer> {
    this.#keepSpare();
    return this.#buffer = new Uint8Array(this.#size);
  }

  #newHandOut(): HandOut {
    this.#keepSpare();
    return new HandOut();
  }

  #keepSpare(): void {
    this.#isQuiet = false;
    if (this.place < 0 && !this.#isRetired) spareMemory.add(this);
  }

  /** Leaves the buffer to those who hold bytes of it. */
  #giveUp(): void {
    this.#buffer = undefined;
  }
}
