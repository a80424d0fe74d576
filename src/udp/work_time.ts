// How long the calls of a service take, from a few of them: reading the clock costs as much as a small datagram.

import type { Clock } from "../network/network.ts";

/** The time that calls have taken since it was last asked for. */
export class WorkTime {
  readonly #clock: Clock;
  #calls = 0;
  #measured = 0;
  #inMillis = 0;

  /** @param clock The time it goes by. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call begins. Returns when, or `NaN` for one that is not measured: each is that would double their number. */
  begin(): number {
    const before = this.#calls++;
    return (before & this.#calls) === 0 ? this.#clock.now() : NaN;
  }

  /** It is over. @param began What `begin` gave. */
  end(began: number): void {
    if (Number.isNaN(began)) return;
    this.#measured++;
    this.#inMillis += this.#clock.now() - began;
  }

  /** Measures a call, also one that throws. Of one that is async, it is what it does before it waits. */
  measure<T>(call: () => T): T {
    const began = this.begin();
    try {
      return call();
    } finally {
      this.end(began);
    }
  }

  /** About how long all calls took, in milliseconds, since this was last asked for. */
  take(): number {
    const inMillis = this.#measured === 0 ? 0 : this.#inMillis / this.#measured * this.#calls;
    this.#calls = this.#measured = this.#inMillis = 0;
    return inMillis;
  }
}
