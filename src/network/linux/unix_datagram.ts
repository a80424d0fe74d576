// One datagram to a local socket.

import type { Clock } from "../clock.ts";
import { AF_UNIX, MSG_NOSIGNAL, SOCK_DGRAM } from "./abi.ts";
import { attempt, EAGAIN, systemError } from "./errno.ts";
import { libc } from "./libc.ts";
import { requirePath } from "./permissions.ts";
import { unixSocketAddress } from "./sockaddr.ts";
import { closeDescriptor, openSocket } from "./socket.ts";

/** A receiver whose queue is full is tried again after this long. */
const RETRY_IN_MILLIS = 10;

/** How long room is waited for. */
interface Patience {
  /** The time of pauses. */
  readonly clock: Clock;
  /** Its abort ends the wait. */
  readonly signal: AbortSignal;
}

/**
 * Sends it.
 *
 * @param path Where to.
 * @param bytes What.
 * @param patience How long room is waited for.
 * @throws {Deno.errors.NotCapable} No permission.
 * @throws {Error} Why not, with the class and code of Deno's own.
 */
export async function sendToPath(
  path: string,
  bytes: Uint8Array,
  { clock, signal }: Patience,
): Promise<void> {
  const { sendto } = libc();
  requirePath(path);
  const to = unixSocketAddress(path);
  const content = new Uint8Array(bytes);
  const descriptor = openSocket(AF_UNIX, SOCK_DGRAM);
  try {
    for (;;) {
      const sent = attempt(() =>
        sendto(descriptor, content, content.length, MSG_NOSIGNAL, to, to.length)
      );
      if (sent >= 0) return;
      if (sent !== -EAGAIN || signal.aborted) throw systemError(-sent, "sendto");
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, RETRY_IN_MILLIS));
    }
  } finally {
    closeDescriptor(descriptor);
  }
}
