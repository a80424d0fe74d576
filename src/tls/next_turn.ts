// Waits a moment: node:tls reports some things only in a later turn of the event loop.

import { setImmediate } from "node:timers";

/** Resolves when everything that is due now has been done. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
