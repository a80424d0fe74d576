// Frees streams that nobody will use, and that somebody may have freed already: the one place that does not mind.

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
