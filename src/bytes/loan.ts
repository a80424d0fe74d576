// Memory that is lent: bytes of a buffer that others will soon be read into. What is written of them while they are
// lent, to whatever connection, must go out as it was, awaited or not. So whoever queues bytes asks whether they are
// lent, and is told when the loan ends.

/** Somebody who has got lent bytes and sends them later. */
export interface Borrower {
  /** Whether it needs them still. */
  readonly needsBytes: boolean;
  /** Gets bytes of its own instead. False where it does not: the memory is its from now on. */
  copy(): boolean;
}

/** How many loans are out: mostly none, and then nobody has to look anything up. */
let out = 0;
const loans = new WeakMap<ArrayBufferLike, Loan>();

/** The loan that bytes belong to, if they are lent. */
export function loanOf(bytes: Uint8Array): Loan | undefined {
  if (out === 0) return undefined;
  const loan = loans.get(bytes.buffer);
  return loan?.isOut === true ? loan : undefined;
}

/** What one buffer after the other is lent by. */
export class Loan {
  #bytes: Uint8Array | undefined;
  /** The buffer that was lent last. */
  #buffer: ArrayBufferLike | undefined;
  readonly #borrowers: Borrower[] = [];

  /** Whether bytes are lent. */
  get isOut(): boolean {
    return this.#bytes !== undefined;
  }

  /** Whether what was lent last lies in a buffer. */
  isOf(buffer: ArrayBufferLike | undefined): boolean {
    return buffer !== undefined && buffer === this.#buffer;
  }

  /** Lends bytes. */
  begin(bytes: Uint8Array): void {
    if (this.#bytes === undefined) out++;
    this.#bytes = bytes;
    if (bytes.buffer === this.#buffer) return;
    this.#buffer = bytes.buffer;
    loans.set(bytes.buffer, this);
  }

  /** Somebody has got bytes of it. */
  borrow(borrower: Borrower): void {
    this.#borrowers.push(borrower);
  }

  /** Forgets the loan, of memory that nothing is read into any more. */
  forget(): void {
    if (this.#bytes !== undefined) out--;
    this.#bytes = undefined;
    this.#borrowers.length = 0;
  }

  /**
   * Ends the loan.
   *
   * @param overwrites Whether the bytes are overwritten, so that whoever has kept them finds out.
   * @returns Whether the memory is somebody else's from now on.
   */
  end(overwrites: boolean): boolean {
    const bytes = this.#bytes;
    if (bytes === undefined) return false;
    out--;
    this.#bytes = undefined;
    let isTaken = false;
    if (this.#borrowers.length > 0) {
      for (const borrower of this.#borrowers) {
        if (borrower.needsBytes && !borrower.copy()) isTaken = true;
      }
      this.#borrowers.length = 0;
    }
    // What was transferred away cannot be filled.
    if (overwrites && !isTaken && bytes.length > 0) bytes.fill(OVERWRITTEN);
    return isTaken;
  }
}

/** What those find who have kept lent bytes; no text has it. */
const OVERWRITTEN = 0xdb;
