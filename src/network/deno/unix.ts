// Local (Unix) sockets: their names, and how one connects to them.

import { shown } from "../../base/arguments.ts";
import { GenericError } from "../../base/errors.ts";
import type { ConnectPathTarget } from "../network.ts";
import type { Transport, TransportListener } from "../transport.ts";
import type { NetworkAddress } from "../../base/address.ts";
import type { Clock } from "../clock.ts";

/** The runtime's own local sockets. */
export interface LocalSockets {
  /** Connects. */
  connect(path: string): Promise<Transport>;
  /** Binds and listens. */
  listen(path: string): TransportListener;
}

/** What the system has room for: the path of a file is followed by a NUL, an abstract name by nothing. */
export const MAX_PATH_LENGTH = Deno.build.os === "linux" ? 107 : 103;
const MAX_ABSTRACT_LENGTH = 108;
/** A queue that is full is asked again after this long. */
const RETRY_IN_MILLIS = 10;

/**
 * Checks the path of a local socket. In an abstract name every byte counts, NUL as well.
 *
 * @throws {TypeError} It is none.
 */
export function checkPath(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "" || value === "\0") {
    throw new TypeError(`${name} must be the path of a socket: got ${shown(value)}`);
  }
  if (!isAbstract(value) && value.includes("\0")) {
    throw new TypeError(`${name} must be a path without NUL inside: got ${shown(value)}`);
  }
  const most = isAbstract(value) ? MAX_ABSTRACT_LENGTH : MAX_PATH_LENGTH;
  const length = lengthOfPath(value);
  if (length > most) {
    throw new TypeError(
      `${name} must be a path of at most ${most} bytes: got ${length} bytes, ${shown(value)}`,
    );
  }
  return value;
}

/** How many bytes a path takes. */
export function lengthOfPath(path: string): number {
  return new TextEncoder().encode(path).length;
}

/** A path as it is written: each NUL of an abstract name as "@". */
export function formatPath(path: string): string {
  return path.replaceAll("\0", "@");
}

/** Whether it is a name in the system's own list, without a file (Linux). */
export function isAbstract(path: string): boolean {
  return path.startsWith("\0");
}

/** Connects to a local socket. A queue that is full is waited for: the system refuses at once. */
export async function connectPath(
  sockets: LocalSockets,
  clock: Clock,
  { path, signal }: ConnectPathTarget,
): Promise<Transport> {
  refuseAbstract(path);
  for (;;) {
    try {
      return renamed(await sockets.connect(path), "remoteAddr", path);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, RETRY_IN_MILLIS));
    signal?.throwIfAborted();
  }
}

/**
 * Puts the path that a socket is known by in the place of the one that the system tells.
 *
 * @param end Which end of the stream has that path.
 */
export function renamed(
  transport: Transport,
  end: "localAddr" | "remoteAddr",
  path: string,
): Transport {
  const address: NetworkAddress = { transport: "unix", path };
  return Object.defineProperty(transport, end, { value: address });
}

/** @throws {GenericError} `"unsupported"`: it is an abstract name, and the system has none. */
export function refuseAbstract(path: string): void {
  if (isAbstract(path) && Deno.build.os !== "linux") {
    throw new GenericError(
      "unsupported",
      "Cannot use an abstract socket name: only Linux has them",
    );
  }
}
