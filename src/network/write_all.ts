// Sends all of something on a stream that nobody else writes to yet.

import { checkWritten } from "./counts.ts";
import type { Transport } from "./transport.ts";

/** Sends all bytes, in as many writes as the stream needs. */
export async function writeAll(
  transport: Pick<Transport, "write">,
  bytes: Uint8Array,
): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    rest = rest.subarray(checkWritten(await transport.write(rest), rest.length));
  }
}
