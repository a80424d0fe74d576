// Frees streams that may have been freed already: the one place that tolerates it.

import type { Transport } from "./transport.ts";

/** Frees a stream: what was sent arrives, then the end. */
export function free(transport: Transport): void {
  try {
    transport.close();
  } catch { /* it was */ }
}

/** Frees a stream with a reset, where it can. */
export function cut(transport: Transport): void {
  try {
    if (transport.reset === undefined) transport.close();
    else transport.reset();
  } catch { /* it was freed already */ }
}
