// How many things are handed out in a row before others have their turn: as many as take some milliseconds together.
//
// What one takes is known only afterwards, so each batch decides on the next one. The clock is read twice for a batch.

/** For so long others wait, where each thing takes as long as those before. */
const LONGEST_IN_MILLIS = 8;

/** The size of the next batch. */
export class BatchSize {
  readonly #most: number;
  #size: number;

  /** @param most The most there are in a batch. @param first How many there are in the first one. */
  constructor(most: number, first = most) {
    this.#most = most;
    this.#size = first;
  }

  /** How many things there are in the next batch. */
  get size(): number {
    return this.#size;
  }

  /** A batch is over. @param count How many there were. @param inMillis How long they took. */
  learn(count: number, inMillis: number): void {
    const fit = Math.max(1, Math.floor(count * LONGEST_IN_MILLIS / inMillis));
    // A small step at a time: the next ones may take longer.
    this.#size = Math.min(fit, this.#size * 2, this.#most);
  }
}
