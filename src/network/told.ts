// What a stream tells about itself. One of the user's own may throw instead, or give anything: then it tells nothing,
// and nobody but its connection has to do with that.

import { callQuietly } from "../base/user_code.ts";
import type { Arriving } from "./arriving.ts";
import type { SecureInfo } from "./secure_info.ts";
import type { Transport } from "./transport.ts";

/**
 * After so many attempts to receive in a row that found nothing, although it had told each time that there may be
 * something, there is a pause, or nothing else would ever have its turn. An engine knows better after one.
 */
export const MOST_IN_VAIN = 32;

/** How long that is. */
export const PAUSE_AFTER_VAIN_IN_MILLIS = 1;

/** What was agreed on with its peer, if it is secure. */
export function secureOf(transport: Transport): SecureInfo | undefined {
  return told(() => transport.secure) ?? undefined;
}

/** Whether its end has to be said before it is freed. */
export function mustSayEnd(transport: Transport): boolean {
  return told(() => transport.mustSayEnd) ?? secureOf(transport) !== undefined;
}

/** What it has received and cannot give yet, if it knows. */
export function arrivingOf(transport: Transport): Arriving | undefined {
  const arriving: unknown = told(() => transport.arriving);
  // Also where JavaScript says that there is none.
  return typeof arriving === "object" && arriving !== null ? arriving as Arriving : undefined;
}

/** Hears of more from now on. */
export function hearMore(arriving: Arriving, onMore: () => void): void {
  callQuietly(() => void (arriving.onMore = onMore));
}

/** How much of that there is, in bytes. */
export function arrivingLengthOf(arriving: Arriving): number {
  try {
    const { length } = arriving;
    return length > 0 ? length : 0;
  } catch {
    return 0;
  }
}

function told<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
