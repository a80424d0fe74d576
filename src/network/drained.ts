// How one waits until what was written has gone out, or nearly: the options of every `drained`.

import { checkInteger, checkInterval, checkSignal } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";

/** How to wait until a queue is short. */
export interface DrainedOptions {
  /**
   * How many queued bytes are too many: it waits until there are fewer, from 1.
   *
   * @default {1}
   */
  readonly below?: number;
  /** Ends the wait, and only the wait, with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * How long to wait, from 1 to 2_147_483_647, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly timeoutInMillis?: number;
}

/** Checked {@linkcode DrainedOptions}. */
export interface DrainedLimits {
  readonly below: number;
  readonly signal: AbortSignal | undefined;
  readonly timeoutInMillis: number;
  /** Whether who waits sees to it that others have their turn; of many who wait at once, each would else. */
  readonly hasOwnShare?: boolean;
}

const DRAINED_OPTIONS = optionNames<DrainedOptions>({
  below: true,
  signal: true,
  timeoutInMillis: true,
});

const EMPTY: DrainedLimits = { below: 1, signal: undefined, timeoutInMillis: Infinity };

/**
 * Checks how to wait.
 *
 * @throws {TypeError | RangeError} An option is wrong.
 * @throws {unknown} The reason of a signal that is aborted already.
 */
export function checkDrained(options: DrainedOptions | undefined): DrainedLimits {
  if (options === undefined) return EMPTY;
  const { below = 1, signal, timeoutInMillis = Infinity } = readOptions<DrainedOptions>(
    "options",
    options,
    DRAINED_OPTIONS,
  );
  const limits = {
    below: checkInteger("below", below, 1),
    signal: signal === undefined ? undefined : checkSignal(signal),
    timeoutInMillis: checkInterval("timeoutInMillis", timeoutInMillis),
  };
  limits.signal?.throwIfAborted();
  return limits;
}
