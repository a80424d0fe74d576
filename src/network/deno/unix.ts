// Local (Unix) sockets: how one connects to them.

import { GenericError } from "../../base/errors.ts";
import type { ConnectPathTarget } from "../network.ts";
import type { BufferSizeConfig } from "../socket_options.ts";
import type { Transport, TransportListener } from "../transport.ts";
import { isAbstract, type NetworkAddress } from "../../base/address.ts";
import type { Clock } from "../clock.ts";

/** The runtime's own local sockets. */
export interface LocalSockets {
  /** Connects. */
  connect(path: string, sizes: BufferSizeConfig): Promise<Transport>;
  /** Binds and listens. */
  listen(path: string, sizes: BufferSizeConfig): TransportListener;
}

/** A full queue is tried again after this long. */
const RETRY_IN_MILLIS = 10;

/** Connects to a local socket. Waits while its queue is full, where the system refuses at once. */
export async function connectPath(
  sockets: LocalSockets,
  clock: Clock,
  { path, signal, ...sizes }: ConnectPathTarget,
): Promise<Transport> {
  refuseAbstract(path);
  for (;;) {
    try {
      return renamed(await sockets.connect(path, sizes), "remoteAddr", path);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, RETRY_IN_MILLIS));
    signal?.throwIfAborted();
  }
}

/**
 * Replaces the path that the system reports by the one that the socket is known by.
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
