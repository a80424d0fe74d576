// One datagram to a local socket.

import type { Clock } from "../clock.ts";
import { AF_UNIX, MSG_NOSIGNAL, SOCK_DGRAM } from "./abi.ts";
import { attempt, EAGAIN, systemError } from "./errno.ts";
import { libc } from "./libc.ts";
import { requirePath } from "./permissions.ts";
import { unixSocketAddress } from "./sockaddr.ts";
import { closeDescriptor, openSocket } from "./socket.ts";

/** A receiver whose queue is full is tried again after this long, */
const RETRY_IN_MILLIS = 10;
/** and so many times. */
const MOST_TRIES = 200;

/**
 * Sends it.
 *
 * @param path Where to.
 * @param bytes What.
 * @param clock The time of pauses.
 * @throws {Deno.errors.NotCapable} No permission.
 * @throws {Error} Why not, with the class and code of Deno's own.
 */
export async function sendToPath(path: string, bytes: Uint8Array, clock: Clock): Promise<void> {
  const { sendto } = libc();
  requirePath(path);
  const to = unixSocketAddress(path);
  const content = new Uint8Array(bytes);
  const descriptor = openSocket(AF_UNIX, SOCK_DGRAM);
  try {
    for (let tries = 1;; tries++) {
      const sent = attempt(() =>
        sendto(descriptor, content, content.length, MSG_NOSIGNAL, to, to.length)
      );
      if (sent >= 0) return;
      if (sent !== -EAGAIN || tries === MOST_TRIES) throw systemError(-sent, "sendto");
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, RETRY_IN_MILLIS));
    }
  } finally {
    closeDescriptor(descriptor);
  }
}
