// How long one connection is handed out what has come before the others are let go first.
//
// It is asked before each thing that is handed out, so it only counts there. The clock is looked at once in a
// while, and what the time is kept in comes into being only then: a peer that waits for its answers never gets
// that far.

import type { Clock } from "./clock.ts";
import type { Turns } from "./turns.ts";

const SHARE_IN_MILLIS = 1;
/** Who gets more in that time has its share by the bytes. */
const BYTES_PER_MILLI_OF_A_STREAM = 256 * 1024;
/** The clock is looked at for one in so many that are handed out; a power of two. */
const HANDED_OUT_PER_LOOK = 16;

/** With what a share is measured, and who is let go first. */
interface ShareHost {
  readonly clock: Clock;
  readonly turns: Turns;
}

/** A time in which nothing had to be waited for. */
interface BusyTime {
  since: number;
  /** The bytes of reads in a row that had come when it began; NaN where no read has asked yet. */
  streamed: number;
}

/** The share of one connection. */
export class Share {
  readonly #host: ShareHost;
  #handedOut = 0;
  #busy: BusyTime | undefined;
  #isUsedUp = false;

  /** @param host Of what it is a share. */
  constructor(host: ShareHost) {
    this.#host = host;
  }

  /** Whether others should go first. */
  get isUsedUp(): boolean {
    return this.#isUsedUp;
  }

  /** Counts something that is handed out. Whether others should go first. */
  count(): boolean {
    if ((++this.#handedOut & (HANDED_OUT_PER_LOOK - 1)) === 0) this.#lookAtTime();
    return this.#isUsedUp;
  }

  #lookAtTime(): void {
    const { clock, turns } = this.#host;
    if (turns.stepBack === undefined || this.#isUsedUp) return;
    if (this.#busy === undefined) this.#busy = { since: clock.now(), streamed: NaN };
    else this.#isUsedUp = clock.now() - this.#busy.since >= SHARE_IN_MILLIS;
  }

  /**
   * Looks before another read in a row: those may bring little that takes long. How many bytes is the turns'
   * matter.
   *
   * @param streamed The bytes of reads in a row that filled their buffer.
   */
  lookBeforeRead(streamed: number): void {
    const { clock, turns } = this.#host;
    if (turns.stepBack === undefined) return;
    const now = clock.now();
    if (this.#busy === undefined) {
      this.#busy = { since: now, streamed };
      return;
    }
    const inMillis = now - this.#busy.since;
    if (inMillis < SHARE_IN_MILLIS) return;
    // Not where it is not known how many: they are counted from here.
    if (streamed - this.#busy.streamed < inMillis * BYTES_PER_MILLI_OF_A_STREAM) {
      this.#isUsedUp = true;
    } else {
      this.#busy.since = now;
      this.#busy.streamed = streamed;
    }
  }

  /** Lets the others go first. Resolves when they have. */
  async stepBack(): Promise<void> {
    await this.#host.turns.stepBack?.();
    this.begin();
  }

  /** The others had their turn, or nothing is there to hand out: a new share begins. */
  begin(): void {
    this.#handedOut = 0;
    if (this.#busy === undefined) return;
    this.#busy = undefined;
    this.#isUsedUp = false;
  }
}
