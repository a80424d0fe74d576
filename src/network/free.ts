// Frees streams, and what accepts them, that may have been freed already: the one place that tolerates it, and the one
// error of those that were. One of the user's own may make a promise of it, which rejects there.

import { callQuietly } from "../base/user_code.ts";
import type { Transport, TransportListener } from "./transport.ts";

/** Frees a stream: what was sent arrives, then the end. */
export function free(transport: Transport): void {
  callQuietly(() => transport.close());
}

/** Frees what accepts streams. */
export function freeListener(listener: TransportListener): void {
  callQuietly(() => listener.close());
}

/** Frees a stream with a reset, where it can. */
export function cut(transport: Transport): void {
  callQuietly(() => transport.reset === undefined ? transport.close() : transport.reset());
}

/** What a stream that was freed says to every further call: the same words as Deno's own. */
export function freedError(): Error {
  return new Deno.errors.BadResource("Bad resource ID");
}
