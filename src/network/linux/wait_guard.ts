// Looks after a wait in a thread that may never begin.
//
// Decision record: the thread that waits for events is one of the runtime's, which has 32 for all that blocks: files, names
// that are looked up, hashes. When all are taken, a new wait queues behind them, and nobody would hear of any event until
// one is free. Whether a wait has begun cannot be seen. So the system is asked now and then while one lasts: if there are
// events and the thread has not come back, it is not there, and the system is asked all the time until it is. The timer
// goes on over many waits, so that one that is over at once costs nothing.

import type { TimerId } from "../clock.ts";
import { denoNetwork } from "../deno/deno_network.ts";

const { clock } = denoNetwork;

/** How soon a wait that lasts is looked after, and how seldom when nothing happens. */
const SHORTEST_IN_MILLIS = 10;
const LONGEST_IN_MILLIS = 1_000;
/** How often where no thread waits. */
const WITHOUT_A_THREAD_IN_MILLIS = 1;

/** Looks after one wait at a time. */
export class WaitGuard {
  readonly #ask: () => number;
  #timer: TimerId | undefined;
  #inMillis = SHORTEST_IN_MILLIS;
  #isWaiting = false;
  /** Whether the wait is another one than at the last look. */
  #isNew = false;
  #isWithoutThread = false;

  /** @param ask Asks the system, and tells everybody. Gives the number of events. */
  constructor(ask: () => number) {
    this.#ask = ask;
  }

  /** A wait begins, or goes on for somebody else. */
  begin(): void {
    this.#isWaiting = this.#isNew = true;
    if (this.#timer === undefined) this.#lookIn(SHORTEST_IN_MILLIS);
  }

  /** The thread has come back. */
  end(): void {
    this.#isWaiting = this.#isWithoutThread = false;
  }

  /** Nobody waits for anything. */
  stop(): void {
    this.end();
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookIn(millis: number): void {
    this.#inMillis = millis;
    this.#timer = clock.setTimeout(this.#look, millis);
    // The wait itself keeps the program alive.
    clock.unrefTimer!(this.#timer);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (!this.#isWaiting) return;
    if (this.#isNew) {
      this.#isNew = false;
      return this.#lookIn(SHORTEST_IN_MILLIS);
    }
    if (this.#ask() > 0) this.#isWithoutThread = true;
    // Whoever was told may have ended it all, or have begun another wait.
    if (!this.#isWaiting || this.#timer !== undefined) return;
    const next = Math.min(this.#inMillis * 2, LONGEST_IN_MILLIS);
    this.#lookIn(this.#isWithoutThread ? WITHOUT_A_THREAD_IN_MILLIS : next);
  };
}
