// Calls what users have given to be told, and says what it threw where nobody else could be told.
//
// What only tells (a hook of refusals, of failed handshakes, of reloads) is called in a turn of its own: from the
// middle of what it is about it could begin the same again, without end. It may throw, reject, never settle or
// throw what cannot be looked at: that is printed once, and nothing else ends by it. The calls of a service keep
// their own, direct way, and come here for what they threw.

import { shown } from "./arguments.ts";
import { GenericError, isError } from "./errors.ts";

/**
 * Tells users' code something, soon. Whatever it does ends nothing else.
 *
 * @param callback What is called, if anything is.
 * @param args What it is told.
 */
export function tell<Args extends unknown[]>(
  callback: ((...args: Args) => unknown) | undefined,
  ...args: Args
): void {
  if (callback === undefined) return;
  queueMicrotask(() => {
    attempt(() => callback(...args)).catch(printThrown);
  });
}

/** Whether it is a promise, or is like one: then it has to be waited for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}

/** Calls users' code at once. What it throws, or what it asks of the reading of its result, rejects. */
export function attempt<T>(call: () => T): Promise<Awaited<T>> {
  // The executor catches what is thrown, and what reading `then` of the result throws.
  return new Promise<Awaited<T>>((resolve) => resolve(call() as Awaited<T>));
}

/**
 * Refuses what an async function gave where users' code has to be done when it returns: what it rejects with later
 * would be told to nobody, and end the program.
 *
 * @param who Which: "encode".
 * @param result What it gave.
 * @throws {TypeError} It is a promise.
 */
export function refusePromise(who: string, result: unknown): void {
  if (!isThenable(result)) return;
  attempt(() => result).catch(() => {});
  throw new TypeError(`${who} must not be async: it has to be done when it returns`);
}

/** Prints what nobody else could be told. */
export function printThrown(thrown: unknown): void {
  try {
    console.error(thrown);
  } catch {
    // How a value is shown is its own code.
    try {
      console.error("A function of the user threw what cannot be shown");
    } catch { /* there is nowhere to print to */ }
  }
}

/** What was thrown, in a few words, whatever it is. */
export function wordsOf(thrown: unknown): string {
  if (!isError(thrown)) return shown(thrown);
  try {
    return String(thrown.message);
  } catch {
    return "an error that cannot be shown";
  }
}

/**
 * The error that says what a function of the user has thrown.
 *
 * @param who Which: "A method of the service".
 * @param thrown What it threw; becomes the cause.
 */
export function handlerError(who: string, thrown: unknown): GenericError {
  return new GenericError("handler", `${who} threw: ${wordsOf(thrown)}`, { cause: thrown });
}
