// Waits that end: by time, by an AbortSignal.

import type { Clock } from "./network.ts";

/** How a wait may end before what is waited for comes. */
export interface WaitLimits {
  /** The time it goes by. */
  readonly clock: Clock;
  /** How long it may take, `Infinity` for as long as it likes. */
  readonly timeoutInMillis: number;
  /** Ends it with the signal's own reason. Not left out: it would be looked for on Object.prototype. */
  readonly signal: AbortSignal | undefined;
  /** Makes the error for a wait that took too long. */
  readonly timeoutError: () => Error;
}

/**
 * Starts something that takes a while and waits for it, but not for ever.
 *
 * @param limits How the wait may end.
 * @param start Begins it; gets a signal that is aborted when nobody waits any more.
 * @param discard Gets what comes when nobody waits any more; nobody is told what it throws.
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

/** Giving up has perhaps freed already what comes late. */
function drop<T>(late: T, discard: (late: T) => void): void {
  try {
    discard(late);
  } catch { /* it had */ }
}
