// Knows when everything has been read that had arrived by a certain moment. A stop answers that, and no more.
//
// The system's buffer has no more bytes when a read that was begun since then does not fill ours. But the peer's end may
// lie right behind them: the next read tells, by what it brings, or by waiting while the runtime looks at its sockets.
// And if much has arrived, the peer may have had to wait with the rest. Then all is read when a read waits in that way,
// and in any case after as many bytes as two systems can keep.

/** No kernel keeps more of one stream. */
export const MOST_OF_A_KERNEL = 8 * 1024 * 1024;
/** A system that is given less takes it at once. */
const MUCH = 32 * 1024;

/** What is still to be read of one connection. */
export class CatchUp {
  readonly #bytesBefore: number;
  /** How many bytes had arrived when it was done. */
  #doneAt = Infinity;
  /** Whether it is known that no end of the peer lies right behind them. */
  #isEndSettled = false;
  /** How many kernel reads were begun since then. */
  #begun = 0;

  /** @param bytesRead How many bytes had arrived when it began. */
  constructor(bytesRead: number) {
    this.#bytesBefore = bytesRead;
  }

  /** Whether everything has been read that had arrived when it began, an end included. */
  get isDone(): boolean {
    return this.#isEndSettled;
  }

  /** How many kernel reads were begun since it began: this identifies the one under way. */
  get begun(): number {
    return this.#begun;
  }

  /** Whether the bytes from this place on arrived after all that mattered. */
  isLate(at: number): boolean {
    return at >= this.#doneAt;
  }

  /** A kernel read has begun, or goes on after it has got something that cannot be read yet. */
  onBegin(): void {
    this.#begun++;
  }

  /** A kernel read has brought bytes. @param mayHaveMore Whether it may have left some behind. */
  onRead(bytesRead: number, mayHaveMore: boolean): void {
    if (this.isDone) return;
    // What lay behind the last bytes that matter was no end.
    if (this.#doneAt !== Infinity) {
      this.#isEndSettled = true;
      return;
    }
    const since = bytesRead - this.#bytesBefore;
    const isMost = since >= 2 * MOST_OF_A_KERNEL;
    if (!isMost && (since >= MUCH || this.#begun === 0 || mayHaveMore)) return;
    this.#doneAt = bytesRead;
    this.#isEndSettled = isMost;
  }

  /** The runtime has looked at its sockets, and the same read was under way all the time. */
  onLooked(bytesRead: number): void {
    if (this.isDone) return;
    this.#doneAt = Math.min(this.#doneAt, bytesRead);
    this.#isEndSettled = true;
  }
}
