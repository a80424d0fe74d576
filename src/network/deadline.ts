// Waits that end: by time, by an AbortSignal.
//
// Time in which the program was busy is not a peer's: what came meanwhile lies in the system's buffers, and may
// need many turns to get through (a handshake does). So time goes by in pieces, and by as much as one was late, up
// to all of it, there is more to come. That has a limit, for a program may be busy all the time.

import type { Clock, TimerId } from "./network.ts";

/** How a wait may end early. */
export interface WaitLimits {
  /** The time it goes by. */
  readonly clock: Clock;
  /** How long it may take, `Infinity` for no limit. */
  readonly timeoutInMillis: number;
  /** Ends it with the signal's own reason. Not left out: it would be looked for on Object.prototype. */
  readonly signal: AbortSignal | undefined;
  /** Makes the error for a wait that took too long. */
  readonly timeoutError: () => Error;
}

/** Calls back when what has come by now is read, and through whatever is above it: a look for each. */
export function whenLooked(clock: Clock, callback: () => void): void {
  if (clock.looked === undefined) return callback();
  void clock.looked().then(() => clock.looked!()).then(callback);
}

/** So long, at most, is waited for what a network does within some turns; one of the user's own may never do it. */
const SOON_IN_MILLIS = 1_000;

/** Waits for what a network does soon, whether it succeeds or not, for a second at most. */
export async function settledSoon(clock: Clock, something: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimeout(resolve, SOON_IN_MILLIS);
  something.then(() => resolve(), () => resolve());
  await promise;
  clock.clearTimeout(timer);
}

/** In so many pieces goes the time of a wait. One may be over while the program was busy, and is not noticed. */
const PIECES = 8;

/** Timers come late by some milliseconds in any program; counted as busy, they would never bring a wait to its end. */
export const USUALLY_LATE_IN_MILLIS = 5;

/**
 * A timeout for what takes turns of the program.
 *
 * @param clock The time it goes by.
 * @param timeoutInMillis How long, not `Infinity`.
 * @param onOver Called after so much time in which the program was not busy, or at most twice that.
 * @returns Forgets it.
 */
export function patientTimeout(
  clock: Clock,
  timeoutInMillis: number,
  onOver: () => void,
): () => void {
  let timer: TimerId;
  let isForgotten = false;
  let left = timeoutInMillis;
  let spare = clock.looked === undefined ? 0 : timeoutInMillis;
  const longest = spare === 0 ? left : Math.ceil(left / PIECES);
  const wait = () => {
    const piece = Math.min(longest, Math.ceil(left));
    const due = clock.now() + piece;
    timer = clock.setTimeout(() => {
      const late = clock.now() - due;
      const lost = late < USUALLY_LATE_IN_MILLIS ? 0 : Math.min(late, piece, spare);
      spare -= lost;
      left -= piece - lost;
      if (left > 0) wait();
      else whenLooked(clock, () => isForgotten || onOver());
    }, piece);
  };
  wait();
  return () => {
    isForgotten = true;
    clock.clearTimeout(timer);
  };
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
  const forget = timeoutInMillis === Infinity
    ? undefined
    : patientTimeout(clock, timeoutInMillis, () => giveUp(timeoutError()));
  try {
    start(controller.signal).then((value) => {
      if (over) return drop(value, discard);
      over = true;
      wait.resolve(value);
    }, giveUp);
    return await wait.promise;
  } finally {
    forget?.();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Giving up may already have freed what arrives late. */
function drop<T>(late: T, discard: (late: T) => void): void {
  try {
    discard(late);
  } catch { /* it had */ }
}
