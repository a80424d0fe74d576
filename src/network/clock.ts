// The seam under everything that takes time. It names no engine.

/** What a {@linkcode Clock} gives for a timeout, to forget it by. */
export type TimerId = number | object;

/** Time: when it is and how to be called later. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls back once after at least `delayInMillis`, which is at most 2_147_483_647. */
  setTimeout(callback: () => void, delayInMillis: number): TimerId;
  /** Forgets a timeout. */
  clearTimeout(id: TimerId): void;
  /** Lets the program end although this timeout has not come, where there is such a thing. */
  unrefTimer?(id: TimerId): void;
  /**
   * Lets those who wait get what has come by now. A timeout that may be late, because the program was busy, is
   * judged after that; at once, where it is left out.
   */
  looked?(): Promise<void>;
}
