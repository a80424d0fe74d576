// A read that can be given up, by time or by a signal: every pull face is built on it. A read that is given up takes
// nothing; what has arrived is there for the next one.

import { checkInterval, checkSignal } from "../base/arguments.ts";
import { ignore } from "../base/errors.ts";
import { checkNames, optionOf } from "../base/options.ts";
import type { Reader } from "./reader.ts";

/** How one read behaves. */
export interface ReadOptions {
  /** Ends the wait, and only the wait, with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * How long to wait for the next byte, instead of the connection's `readTimeoutInMillis`. In milliseconds, from 1, or
   * `Infinity`.
   */
  readonly timeoutInMillis?: number;
}

/** The options of all reads, those of lines and delimiters too. */
const READ_OPTIONS = ["signal", "timeoutInMillis", "limit", "invalidBytes"];

/** What a read gives: the bytes and their count, or an empty array and -1 at the end of the stream. */
export type ReadResult = [bytes: Uint8Array<ArrayBuffer>, length: number];

/** Says that not enough has arrived. */
export const MORE: unique symbol = Symbol("more");

/** Says that others should go first, and then the attempt be repeated. */
export const AGAIN: unique symbol = Symbol("again");

/**
 * Tries to take something off a reader's queue, and again whenever more has arrived, until that succeeds.
 *
 * @param reader Where bytes come from.
 * @param timeoutInMillis How long to wait for each next byte, unless the options say.
 * @param options How to give up.
 * @param length How many bytes the first try needs, unless the stream has ended.
 * @param attempt Takes it. Gives {@linkcode MORE}, and takes nothing, when more bytes are needed, but never after the
 * end of the stream. Gives {@linkcode AGAIN} when its share of time is used up.
 * @param owner On whose behalf; an iteration is left by it, see {@linkcode Reader.leave}.
 * @returns What was taken. Its rejection is never an unhandled one: one may read ahead of what one is working on.
 */
export function pull<T>(
  reader: Reader,
  timeoutInMillis: number,
  options: ReadOptions | undefined,
  length: number,
  attempt: () => T | typeof MORE | typeof AGAIN,
  owner?: object,
): Promise<T> {
  let hasFailed = false;
  let waiting: Promise<T> | undefined = undefined;
  waiting = new Promise<T>((resolve, reject) => {
    if (options !== undefined) checkNames("options", options, READ_OPTIONS);
    const given = optionOf(options, "timeoutInMillis");
    const timeout = given === undefined ? timeoutInMillis : checkInterval("timeoutInMillis", given);
    const givenSignal = optionOf(options, "signal");
    const signal = givenSignal === undefined ? undefined : checkSignal(givenSignal);
    signal?.throwIfAborted();
    reader.refuseSecond();
    let release: (() => void) | undefined;
    const wait = {
      length,
      owner,
      ready() {
        let result;
        try {
          result = attempt();
        } catch (error) {
          return wait.fail(error);
        }
        if (result === MORE || result === AGAIN) {
          wait.length = result === MORE ? reader.queue.length + 1 : 0;
          return reader.atLeast(wait, timeout);
        }
        release?.();
        resolve(result);
        reader.lookAhead();
      },
      fail(error: unknown) {
        release?.();
        reject(error);
        hasFailed = true;
        waiting?.catch(ignore);
      },
    };
    if (signal !== undefined) {
      const onAbort = () => reader.giveUp(wait, signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      release = () => signal.removeEventListener("abort", onAbort);
    }
    reader.atLeast(wait, timeout);
  });
  if (hasFailed) waiting.catch(ignore);
  return waiting;
}
