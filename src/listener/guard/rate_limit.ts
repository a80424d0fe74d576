// How often something may happen per second. Pure: the time is passed in.
//
// A token bucket that holds one second's worth, kept as a single number: the time at which it would be full again. So
// nothing has to be refilled, and a full bucket need not be kept.

const SECOND_IN_MILLIS = 1_000;

/** Allows a number of events per second, all of them at once if there was none for a second. */
export class RateLimit {
  readonly #intervalInMillis: number;
  readonly #burstInMillis: number;
  #fullAt = -Infinity;

  /**
   * Begins with a full bucket.
   *
   * @param perSecond How many, an integer from 1.
   */
  constructor(perSecond: number) {
    this.#intervalInMillis = SECOND_IN_MILLIS / perSecond;
    this.#burstInMillis = burstInMillis(perSecond);
  }

  /** How long to wait until the next event may happen, or 0. */
  delay(now: number): number {
    return Math.max(0, this.#fullAt - this.#burstInMillis - now);
  }

  /** An event has happened. */
  take(now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + this.#intervalInMillis;
  }
}

/** A {@linkcode RateLimit} for each of many names, in bounded memory. */
export class RateLimits {
  readonly #intervalInMillis: number;
  readonly #burstInMillis: number;
  readonly #capacity: number;
  /** When the bucket of each name will be full again; the least recently used name first. */
  readonly #fullAt = new Map<string, number>();

  /**
   * Begins with a full bucket for every name.
   *
   * @param perSecond How many for each name, an integer from 1.
   * @param capacity How many names are remembered. When another one arrives, the least recently used one is forgotten
   * and so begins anew.
   */
  constructor(perSecond: number, capacity: number) {
    this.#intervalInMillis = SECOND_IN_MILLIS / perSecond;
    this.#burstInMillis = burstInMillis(perSecond);
    this.#capacity = capacity;
  }

  /** How many names are remembered. */
  get size(): number {
    return this.#fullAt.size;
  }

  /** Counts an event for a name if it may happen now. Returns whether it may. */
  tryTake(name: string, now: number): boolean {
    const fullAt = this.#fullAt.get(name) ?? -Infinity;
    const mayHappen = fullAt - this.#burstInMillis <= now;
    // Deleted first, so that it becomes the last one and is not dropped to make room for itself.
    this.#fullAt.delete(name);
    this.#makeRoom(now);
    this.#fullAt.set(name, mayHappen ? Math.max(fullAt, now) + this.#intervalInMillis : fullAt);
    return mayHappen;
  }

  /** Drops names at the front: those whose bucket is full, and one if there is no room. */
  #makeRoom(now: number): void {
    for (const [name, fullAt] of this.#fullAt) {
      if (fullAt > now && this.#fullAt.size < this.#capacity) return;
      this.#fullAt.delete(name);
    }
  }
}

/** How far ahead of its time the last event of a burst may happen. */
function burstInMillis(perSecond: number): number {
  return SECOND_IN_MILLIS - SECOND_IN_MILLIS / perSecond;
}
