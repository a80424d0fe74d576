// Waits that a signal hurries: it aborts the connection or socket that they are about.

import { checkSignal } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";

/** How a polite end may be hurried. */
export interface CloseOptions {
  /** Its abort frees the socket at once, as {@linkcode Connection.abort} with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How a handshake may be given up. */
export interface UpgradeOptions {
  /** Its abort gives the handshake up, and with it the connection: the call rejects with the signal's own reason. */
  readonly signal?: AbortSignal;
}

const OPTIONS = optionNames<CloseOptions>({ signal: true });

/** Reads the signal of options that have nothing else. */
export function readSignal(options: CloseOptions): AbortSignal | undefined {
  const { signal } = readOptions<CloseOptions>("options", options, OPTIONS);
  return signal === undefined ? undefined : checkSignal(signal);
}

/**
 * Waits for something, and aborts what it is about when the signal is aborted before.
 *
 * @param abortable What it is about.
 * @param signal What hurries.
 * @param wait What is waited for; it settles when the connection is aborted.
 */
export async function hurriedBy<T>(
  abortable: { abort(reason: unknown): void },
  signal: AbortSignal,
  wait: Promise<T>,
): Promise<T> {
  const onAbort = () => abortable.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await wait;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
