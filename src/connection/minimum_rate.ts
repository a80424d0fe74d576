// Whether a sender is too slow. Pure: its caller passes waits, bytes and times.
//
// What counts is the time spent waiting for the rest of something that has begun: a read of 100 bytes of which 10 have
// arrived, a line without its end. A peer that has sent nothing is idle, not slow; the idle and read timeouts handle
// that. Time adds up over waits, so that a byte now and then does not begin the time anew: after every
// `intervalInMillis` of waiting, enough bytes must have arrived in it.

/** Watches one sender. */
export class MinimumRate {
  /** How many bytes per second must arrive. */
  readonly bytesPerSecond: number;
  readonly #bytes: number;
  readonly #intervalInMillis: number;
  /** Time waited in this interval, without the wait under way. */
  #waitedInMillis = 0;
  /** Bytes received before this interval. */
  #receivedBefore = 0;
  #since: number | undefined;

  /**
   * Begins with no wait under way.
   *
   * @param bytesPerSecond How many bytes per second must arrive.
   * @param intervalInMillis The time over which that is measured.
   */
  constructor(bytesPerSecond: number, intervalInMillis: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.#bytes = Math.ceil(bytesPerSecond * intervalInMillis / 1_000);
    this.#intervalInMillis = intervalInMillis;
  }

  /** When the interval ends if the wait goes on; `Infinity` if no wait is under way. */
  get due(): number {
    return this.#since === undefined
      ? Infinity
      : this.#since + this.#intervalInMillis - this.#waitedInMillis;
  }

  /** A wait for the rest begins. Does nothing while one is under way. */
  wait(now: number): void {
    this.#since ??= now;
  }

  /** The wait is over. Does nothing if none was under way. */
  endWait(now: number): void {
    if (this.#since === undefined) return;
    this.#waitedInMillis += now - this.#since;
    this.#since = undefined;
  }

  /**
   * Whether an interval has ended in which too few bytes arrived. After a good interval the next one begins.
   *
   * @param now The time.
   * @param received How many bytes this sender has sent so far, waited for or not.
   */
  isTooSlow(now: number, received: number): boolean {
    const isWaiting = this.#since !== undefined;
    this.endWait(now);
    if (isWaiting) this.#since = now;
    if (this.#waitedInMillis < this.#intervalInMillis) return false;
    if (received - this.#receivedBefore < this.#bytes) return true;
    this.#waitedInMillis = 0;
    this.#receivedBefore = received;
    return false;
  }
}
