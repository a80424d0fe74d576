// The seam under everything that takes time; names no engine.

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
  /** Lets the program end before this timeout fires, where the clock can. */
  unrefTimer?(id: TimerId): void;
  /**
   * Hands out what has arrived by now. A timeout that may fire late, because the program was busy, is judged after
   * that; at once where this is left out.
   */
  looked?(): Promise<void>;
}
