// How much of something may begin in one turn of the event loop, where each one may follow from the one before: then a
// turn would never end. Whoever begins little is never held up: the next turn is waited for only after half of that.

/** What it is measured by. */
export interface TurnShareHost {
  /** The time, in milliseconds. */
  now(): number;
  /** Calls back in the next turn. */
  nextTurn(callback: () => void): void;
}

/** Also after this much time of a turn nothing more begins: each one may be long. */
const LONGEST_IN_MILLIS = 0.25;

/** The share of one turn. */
export class TurnShare {
  readonly #most: number;
  readonly #host: TurnShareHost;
  readonly #onTurn: () => void;
  /** How many have begun since the last turn that was waited for, and since when. */
  #begun = 0;
  #since = 0;
  #isAwaited = false;

  /**
   * @param most How many may begin in a turn.
   * @param onTurn Called in the next turn, when it was waited for: something may begin again.
   */
  constructor(most: number, host: TurnShareHost, onTurn: () => void) {
    this.#most = most;
    this.#host = host;
    this.#onTurn = onTurn;
  }

  /** How many more may begin now. With none, `onTurn` is called. */
  get room(): number {
    if (!this.#isAwaited) return this.#most - this.#begun;
    return this.#host.now() - this.#since < LONGEST_IN_MILLIS ? this.#most - this.#begun : 0;
  }

  /** Counts what is about to begin. */
  count(begun: number): void {
    const isFirst = this.#begun === 0;
    this.#begun += begun;
    if (this.#isAwaited) return;
    const now = this.#host.now();
    if (isFirst) this.#since = now;
    if (this.#begun * 2 < this.#most && now - this.#since < LONGEST_IN_MILLIS) return;
    // From here on it is known to be one turn.
    this.#since = now;
    this.#isAwaited = true;
    this.#host.nextTurn(this.#onNextTurn);
  }

  readonly #onNextTurn = (): void => {
    this.#isAwaited = false;
    this.#begun = 0;
    this.#onTurn();
  };
}
