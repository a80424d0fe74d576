// Waits that end: by time, by an AbortSignal.
//
// A setTimeout for each read would cost a quarter of a small message's work. So a socket has one timer for
// everything it waits for: the hot path only moves a number (when something is due), and the timer looks at
// these numbers when it fires. It is never moved back when a wait ends early; it then finds nothing due.

import type { Clock, TimerId } from "./network.ts";
import { MAX_INTERVAL_IN_MILLIS } from "./arguments.ts";

/** One timer that serves many deadlines. */
export class LazyTimer {
  readonly #clock: Clock;
  readonly #look: (now: number) => number;
  readonly #fire = () => {
    this.#firesAt = Infinity;
    this.by(this.#look(this.#clock.now()));
  };
  #id: TimerId | undefined;
  #firesAt = Infinity;

  /**
   * @param clock The time it goes by.
   * @param look Called when something may be due: deals with what is, and says when the next thing will be
   * (`Infinity` for never).
   */
  constructor(clock: Clock, look: (now: number) => number) {
    this.#clock = clock;
    this.#look = look;
  }

  /** Makes sure that `look` is called at that time or earlier. */
  by(due: number): void {
    if (due >= this.#firesAt) return;
    if (this.#firesAt !== Infinity) this.#clock.clearTimeout(this.#id!);
    this.#firesAt = due;
    const delay = Math.ceil(due - this.#clock.now());
    this.#id = this.#clock.setTimeout(
      this.#fire,
      Math.min(Math.max(delay, 0), MAX_INTERVAL_IN_MILLIS),
    );
    // What is waited for keeps the program alive; the timer, which may be a leftover, does not.
    this.#clock.unrefTimer?.(this.#id);
  }

  /** Forgets everything. */
  stop(): void {
    if (this.#firesAt === Infinity) return;
    this.#clock.clearTimeout(this.#id!);
    this.#firesAt = Infinity;
  }
}

/** How a wait may end before what is waited for comes. */
export interface WaitLimits {
  /** The time it goes by. */
  readonly clock: Clock;
  /** How long it may take, `Infinity` for as long as it likes. */
  readonly timeoutInMillis: number;
  /** Ends it with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error for a wait that took too long. */
  readonly timeoutError: () => Error;
}

/**
 * Starts something that takes a while and waits for it, but not for ever.
 *
 * @param limits How the wait may end.
 * @param start Begins it; gets a signal that is aborted when nobody waits any more.
 * @param discard Gets what comes when nobody waits any more.
 * @returns What was started gives.
 * @throws {unknown} `signal.reason`, untouched, when the signal is or gets aborted.
 */
export async function waitFor<T>(
  limits: WaitLimits,
  start: (signal: AbortSignal) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  const { clock, timeoutInMillis, signal, timeoutError } = limits;
  signal?.throwIfAborted();
  const wait = Promise.withResolvers<T>();
  const controller = new AbortController();
  let over = false;
  const giveUp = (reason: unknown) => {
    if (over) return;
    over = true;
    wait.reject(reason);
    controller.abort(reason);
  };
  const onAbort = () => giveUp(signal!.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = timeoutInMillis === Infinity
    ? undefined
    : clock.setTimeout(() => giveUp(timeoutError()), timeoutInMillis);
  try {
    start(controller.signal).then((value) => {
      if (over) return discard(value);
      over = true;
      wait.resolve(value);
    }, giveUp);
    return await wait.promise;
  } finally {
    if (timer !== undefined) clock.clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
