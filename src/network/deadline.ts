// Waits that end: by time, by an AbortSignal.

import type { Clock } from "./network.ts";

/** How a wait may end early. */
export interface WaitLimits {
  /** The time it goes by. */
  readonly clock: Clock;
  /** How long it may take, `Infinity` for no limit. */
  readonly timeoutInMillis: number;
  /** Ends it with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error for a wait that took too long. */
  readonly timeoutError: () => Error;
}

/**
 * Starts an operation and waits for it, but not for ever.
 *
 * @param limits How the wait may end.
 * @param start Starts it; gets a signal that is aborted when the wait is over.
 * @param discard Gets a result that arrives after the wait; what it throws is ignored.
 * @returns The operation's result.
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
  const timer = timeoutInMillis === Infinity ? undefined : clock.setTimeout(() => {
    const onTimeout = () => giveUp(timeoutError());
    // The program may have been busy for longer than that, and what it waits for may be there.
    if (clock.looked === undefined) onTimeout();
    else void clock.looked().then(onTimeout);
  }, timeoutInMillis);
  try {
    start(controller.signal).then((value) => {
      if (over) return drop(value, discard);
      over = true;
      wait.resolve(value);
    }, giveUp);
    return await wait.promise;
  } finally {
    if (timer !== undefined) clock.clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Giving up may already have freed what arrives late. */
function drop<T>(late: T, discard: (late: T) => void): void {
  try {
    discard(late);
  } catch { /* it had */ }
}
