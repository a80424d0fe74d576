// How somebody waits for a connection of a client or a pool, checked.

import { checkInterval, checkSignal } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";

/** What ends a wait. */
export interface WaitOptions {
  readonly signal?: AbortSignal;
  readonly timeoutInMillis?: number;
}

const OPTIONS = optionNames<WaitOptions>({ signal: true, timeoutInMillis: true });

/** Reads what ends a wait. @throws {unknown} It is wrong; or the reason of a signal that is aborted already. */
export function readWaitOptions(given: WaitOptions): WaitOptions {
  const options = readOptions("options", given, OPTIONS);
  const { signal, timeoutInMillis } = options;
  if (timeoutInMillis !== undefined) checkInterval("timeoutInMillis", timeoutInMillis);
  if (signal === undefined) return options;
  const checked = checkSignal(signal);
  checked.throwIfAborted();
  return { ...options, signal: checked };
}
