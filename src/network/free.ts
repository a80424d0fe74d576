// Frees streams that may have been freed already: the one place that tolerates it,
// and the one error of those that were.

import { ignore } from "../base/errors.ts";
import { isThenable } from "../base/user_code.ts";
import type { Transport } from "./transport.ts";

/** Frees a stream: what was sent arrives, then the end. */
export function free(transport: Transport): void {
  try {
    leave(transport.close());
  } catch { /* it was */ }
}

/** Frees a stream with a reset, where it can. */
export function cut(transport: Transport): void {
  try {
    if (transport.reset === undefined) leave(transport.close());
    else leave(transport.reset());
  } catch { /* it was freed already */ }
}

/** A stream of the user's own may make a promise of it, which rejects where it was freed already. */
function leave(freeing: unknown): void {
  if (isThenable(freeing)) void freeing.then(ignore, ignore);
}

/** What a stream that was freed says to every further call: the same words as Deno's own. */
export function freedError(): Error {
  return new Deno.errors.BadResource("Bad resource ID");
}
