// What time it is, for what happens so often that asking would be a cost of its own: with performance.now()
// a receive that may time out took 0.1 us more than one that may not, and three of that for a session.
//
// Who asks seldom gets the time. Who asks more often than once in a millisecond is told that it is not known
// yet, and learns it at the next look at the clock, up to 20 ms later. So a limit of time that is counted from
// there is never early, and late by no more than that: too little to matter where limits are long, and only
// such use it.

import type { Clock } from "../network/network.ts";

/** How often one looks at the clock while it is busy. */
const TICK_IN_MILLIS = 20;
/** So many questions within one tick make it busy: a look costs as much as some ten of them. */
const QUESTIONS_OF_A_BUSY_TICK = 32;

/** The shortest time that may be measured so. */
export const LEAST_BUSY_INTERVAL_IN_MILLIS = 1_000;
/** What is said where the time is not known yet. */
export const NOT_YET_KNOWN = NaN;

/** A clock that is not looked at for each question. */
export class BusyClock {
  readonly #clock: Clock;
  readonly #wake: (due: number) => void;
  #since = -Infinity;
  #questions = 0;
  #isBusy = false;
  #wasAsked = false;

  /**
   * @param clock What is looked at.
   * @param wake Makes sure that {@linkcode BusyClock.look} is called at that time or earlier.
   */
  constructor(clock: Clock, wake: (due: number) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** What time it is, or {@linkcode NOT_YET_KNOWN}: then it is to be taken from the next look. */
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

  /** Looks at the clock, and says when to look again, `Infinity` where nobody has asked. */
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
