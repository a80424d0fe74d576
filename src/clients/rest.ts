// A rest that a signal ends early.

import type { Clock } from "../network/network.ts";

/** Waits. Resolves after so much time, or at once when the signal is aborted. */
export function rest(clock: Clock, inMillis: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const onOver = () => {
      clock.clearTimeout(timer);
      signal.removeEventListener("abort", onOver);
      resolve();
    };
    const timer = clock.setTimeout(onOver, inMillis);
    signal.addEventListener("abort", onOver, { once: true });
  });
}
