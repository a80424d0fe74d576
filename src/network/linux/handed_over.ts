// A look at sockets that somebody else has opened, before they are used: a number may be that of anything.
//
// What two processes share is one socket with two descriptors. So it is never shut down here, only closed, and that it
// does not block is so for the others, too: whoever hands sockets over expects that (systemd's own do not block either).
//
// What a service manager hands over is not closed when it starts a program, and is marked for that when it is taken here.
// So the mark tells that another worker has taken it, or that its number is that of something else by now.

import { portOf } from "../../base/address.ts";
import { GenericError } from "../../base/errors.ts";
import * as abi from "./abi.ts";
import { EBADF, must } from "./errno.ts";
import { libc } from "./libc.ts";
import { option, ownAddress } from "./socket.ts";

/** Families of sockets by what they carry here. */
const FAMILIES: Readonly<Record<number, readonly number[]>> = {
  [abi.SOCK_STREAM]: [abi.AF_INET, abi.AF_INET6, abi.AF_UNIX],
  [abi.SOCK_DGRAM]: [abi.AF_INET, abi.AF_INET6],
};

/** Which socket is looked at. */
export interface Inspected {
  readonly descriptor: number;
  /** Whether a service manager has handed it over. */
  readonly isHandedOver?: boolean;
}

/**
 * Looks at a socket.
 *
 * @param inspected Which one.
 * @param kind `SOCK_STREAM` for one that listens, `SOCK_DGRAM` for one that is bound.
 * @returns Its family.
 * @throws {GenericError} `"unreachable"`: it is none of that kind. `"in-use"`: it was taken.
 */
export function inspect({ descriptor, isHandedOver = false }: Inspected, kind: number): number {
  const { fcntl } = libc();
  const ask = (name: number) => option(descriptor, abi.SOL_SOCKET, name);
  let flags: number;
  let family: number;
  try {
    flags = must("fcntl", () => fcntl(descriptor, abi.F_GETFD, 0));
    family = ask(abi.SO_DOMAIN);
  } catch (cause) {
    const isOpen = (cause as { errno?: number }).errno !== EBADF;
    throw unusable(descriptor, isOpen ? "it is no socket" : "there is no such descriptor", cause);
  }
  if (isHandedOver && (flags & abi.FD_CLOEXEC) !== 0) {
    throw new GenericError(
      "in-use",
      `Cannot take over descriptor ${descriptor}: it was taken already, by another worker of this program`,
    );
  }
  if (ask(abi.SO_TYPE) !== kind) {
    const wanted = kind === abi.SOCK_STREAM ? "streams" : "datagrams";
    throw unusable(descriptor, `it is no socket of ${wanted}`);
  }
  if (!FAMILIES[kind]!.includes(family)) {
    throw unusable(descriptor, "its addresses are unknown here");
  }
  if (kind === abi.SOCK_STREAM && ask(abi.SO_ACCEPTCONN) === 0) {
    throw unusable(descriptor, "it does not listen");
  }
  if (kind === abi.SOCK_DGRAM && portOf(ownAddress(descriptor, "udp")) === 0) {
    throw unusable(descriptor, "it is not bound");
  }
  return family;
}

/** Makes it one that never waits and that no other program inherits. */
export function makeOurs(descriptor: number): void {
  const { fcntl } = libc();
  const flags = must("fcntl", () => fcntl(descriptor, abi.F_GETFL, 0));
  must("fcntl", () => fcntl(descriptor, abi.F_SETFL, flags | abi.O_NONBLOCK));
  must("fcntl", () => fcntl(descriptor, abi.F_SETFD, abi.FD_CLOEXEC));
}

function unusable(descriptor: number, why: string, cause?: unknown): GenericError {
  const message = `Cannot take over descriptor ${descriptor}: ${why}`;
  return new GenericError("unreachable", message, cause === undefined ? {} : { cause });
}
