// Whether a sender is too slow. Pure: it is told of waits, bytes and times.
//
// What counts is the time in which somebody waits for the rest of something that has begun: a read of 100
// bytes of which 10 are there, a line without its end. A peer that has said nothing is idle, not slow; that
// is what idle and read timeouts are for. Time adds up over waits, so that one byte now and then does not
// begin anew: after every `intervalInMillis` of waiting, enough bytes must have come in it.

/** Watches one sender. */
export class MinimumRate {
  /** How many bytes per second have to come. */
  readonly bytesPerSecond: number;
  readonly #bytes: number;
  readonly #intervalInMillis: number;
  /** Waited in this interval, without the wait under way. */
  #waitedInMillis = 0;
  /** Received before this interval. */
  #receivedBefore = 0;
  #since: number | undefined;

  /**
   * Begins with nobody waiting.
   *
   * @param bytesPerSecond How many bytes per second have to come.
   * @param intervalInMillis Over which time that is measured.
   */
  constructor(bytesPerSecond: number, intervalInMillis: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.#bytes = Math.ceil(bytesPerSecond * intervalInMillis / 1_000);
    this.#intervalInMillis = intervalInMillis;
  }

  /** When the interval ends if the wait goes on; `Infinity` where nobody waits. */
  get due(): number {
    return this.#since === undefined
      ? Infinity
      : this.#since + this.#intervalInMillis - this.#waitedInMillis;
  }

  /** Somebody waits for the rest. Does nothing while a wait is under way. */
  wait(now: number): void {
    this.#since ??= now;
  }

  /** The wait is over. Does nothing where none was under way. */
  endWait(now: number): void {
    if (this.#since === undefined) return;
    this.#waitedInMillis += now - this.#since;
    this.#since = undefined;
  }

  /**
   * Whether an interval has ended in which too few bytes came. An interval that was good begins anew.
   *
   * @param now The time.
   * @param received How many bytes have come from this sender so far, whether somebody waited or not.
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
