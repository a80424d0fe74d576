// What a share is measured by, in a test: its turns, and a clock that goes on by hand.

import type { Clock } from "../../src/network/clock.ts";
import type { ShareHost } from "../../src/network/share.ts";
import type { Turns } from "../../src/network/turns.ts";
import { VirtualClock } from "../../testing/mod.ts";

export function hostOf(turns: Turns, clock: Clock = new VirtualClock()): ShareHost {
  return { clock, turns };
}

/** A clock of a program that works. */
export class WorkClock extends VirtualClock {
  #worked = 0;

  /** Works for so long. */
  work(inMillis: number): void {
    this.#worked += inMillis;
  }

  override now(): number {
    return super.now() + this.#worked;
  }
}
