// A program that is busy at times, in virtual time.

import { VirtualClock } from "../../testing/mod.ts";

/** A clock of a program that may be busy: no timeout comes meanwhile, and all that are due come after it. */
export class LateClock extends VirtualClock {
  /** When the runtime has looked at its sockets. */
  look = Promise.resolve();
  /** By how much each timeout comes late. */
  delayInMillis = 0;
  #busyUntil = 0;

  busyFor(inMillis: number): void {
    this.#busyUntil = this.now() + inMillis;
  }

  override setTimeout(callback: () => void, delayInMillis: number): number {
    return super.setTimeout(() => {
      const delay = this.#busyUntil - this.now();
      if (delay > 0) super.setTimeout(callback, delay);
      else callback();
    }, delayInMillis + this.delayInMillis);
  }

  looked(): Promise<void> {
    return this.look;
  }
}
