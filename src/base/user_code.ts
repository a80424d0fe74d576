// Calls users' hooks, and prints what they threw where no caller could get it.
//
// A hook that only reports is called in a turn of its own: called in the middle of what it reports, it could start
// the same again, endlessly. It may throw, reject, never settle, or throw something that cannot be inspected: that is
// printed once and ends nothing else. The methods of a service are called directly, and come here only with what they
// threw.

import { shown } from "./arguments.ts";
import { GenericError, ignore, isError, isResourceError } from "./errors.ts";

/**
 * Reports something to users' code, soon. Whatever it does ends nothing else.
 *
 * @param callback The hook, where there is one.
 * @param args What it is called with.
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

/** Whether it is a promise, or like one, and has to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}

/** Calls users' code at once. What it throws, and what reading its result throws, becomes a rejection. */
export function attempt<T>(call: () => T): Promise<Awaited<T>> {
  // The executor catches both.
  return new Promise<Awaited<T>>((resolve) => resolve(call() as Awaited<T>));
}

/** Handles what a value rejects with, if it is a promise: it is not used, and would end the program. */
export function giveUp(value: unknown): void {
  // A `then` that cannot be read, as that of a revoked proxy, is handled likewise.
  attempt(() => value).catch(ignore);
}

/** Calls users' code at once where it harms nobody if it fails: what it throws, or rejects with, is dropped. */
export function callQuietly(call: () => unknown): void {
  try {
    const result = call();
    if (isThenable(result)) giveUp(result);
  } catch { /* it harms nobody */ }
}

/**
 * Refuses a promise where users' code has to be done when it returns: its rejection would be unhandled, and end the
 * program.
 *
 * @param who Which: "encode".
 * @param result What it gave.
 * @param why What is wrong, and what to do.
 * @throws {TypeError} It is a promise.
 */
export function refusePromise(
  who: string,
  result: unknown,
  why = "must not be async: it has to be done when it returns",
): void {
  if (!isThenable(result)) return;
  giveUp(result);
  throw new TypeError(`${who} ${why}`);
}

/** Prints what no caller could get. */
export function printThrown(thrown: unknown): void {
  giveUp(thrown);
  try {
    console.error(hasRoomForStack(thrown) ? thrown : String(thrown));
  } catch {
    // A value shows itself by code of its own, which may throw.
    try {
      console.error("A function of the user threw what cannot be shown");
    } catch { /* there is nowhere to print to */ }
  }
}

/** How many listeners the system has refused a descriptor, and has not given one since. */
let shortages = 0;

/** A listener is refused a descriptor, or gets one again: no stack is read in between. */
export function noteShortage(isShort: boolean): void {
  shortages += isShort ? 1 : -1;
}

/** Whether its stack may be read: where no descriptor is free, Deno ends a program of TypeScript that does. */
function hasRoomForStack(thrown: unknown): boolean {
  if (!isError(thrown)) return true;
  return shortages === 0 && !isResourceError(thrown) && !isResourceError(thrown.cause);
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
 * The error for a user's function that threw.
 *
 * @param who Which: "A method of the service".
 * @param thrown What it threw; becomes the cause.
 */
export function handlerError(who: string, thrown: unknown): GenericError {
  giveUp(thrown);
  return new GenericError("handler", `${who} threw: ${wordsOf(thrown)}`, { cause: thrown });
}
