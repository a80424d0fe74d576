// The time, for what happens so often that asking for it costs too much: with performance.now() a receive with a
// timeout took 0.1 us more than one without, and a session 0.3 us more.
//
// A caller that asks seldom gets the time. One that asks more than once in a millisecond is told that it is not known
// yet, and learns it at the next look at the clock, at most 20 ms later. So a timeout that is counted from then is
// never early, and at most 20 ms late. Only long timeouts use it, for which this does not matter.

import type { Clock } from "../network/network.ts";

/** The time between two looks at the clock while it is busy. */
const TICK_IN_MILLIS = 20;
/** This many questions within one tick make it busy: a look costs as much as about ten of them. */
const QUESTIONS_OF_A_BUSY_TICK = 32;

/** The shortest timeout that may be measured with it. */
export const LEAST_BUSY_INTERVAL_IN_MILLIS = 1_000;
/** The answer while the time is not known yet. */
export const NOT_YET_KNOWN = NaN;

/** A clock that does not look at the time for each question. */
export class BusyClock {
  readonly #clock: Clock;
  readonly #wake: (due: number) => void;
  #since = -Infinity;
  #questions = 0;
  #isBusy = false;
  #wasAsked = false;

  /**
   * @param clock The clock behind it.
   * @param wake Makes sure that {@linkcode BusyClock.look} is called at that time or earlier.
   */
  constructor(clock: Clock, wake: (due: number) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** The time, or {@linkcode NOT_YET_KNOWN}: then take it from the next look. */
  now(): number {
    if (this.#isBusy) {
      this.#wasAsked = true;
      return NOT_YET_KNOWN;
    }
    const now = this.#clock.now();
    if (now - this.#since >= TICK_IN_MILLIS) {
      this.#since = now;
      this.#questions = 0;
    } else if (++this.#questions === QUESTIONS_OF_A_BUSY_TICK) {
      this.#isBusy = true;
      this.#wasAsked = false;
      this.#wake(now + TICK_IN_MILLIS);
    }
    return now;
  }

  /** Looks at the clock. Returns when to look again; `Infinity` if nothing has asked. */
  look(now: number): number {
    if (this.#isBusy && this.#wasAsked) {
      this.#wasAsked = false;
      return now + TICK_IN_MILLIS;
    }
    this.#isBusy = false;
    this.#questions = 0;
    return Infinity;
  }
}
