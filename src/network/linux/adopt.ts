// Takes over a listening socket that somebody else has opened.

import { GenericError } from "../../base/errors.ts";
import type { NetworkAddress } from "../../base/address.ts";
import type { AdoptTarget } from "../network.ts";
import { BUFFER_SIZE_OPTIONS, type SocketOptionName, TCP_OPTIONS } from "../socket_options.ts";
import type { TransportListener } from "../transport.ts";
import * as abi from "./abi.ts";
import { inspect, makeOurs } from "./handed_over.ts";
import { libc } from "./libc.ts";
import { LinuxListener } from "./linux_listener.ts";
import { LinuxStream, LinuxTcpStream } from "./linux_stream.ts";
import { ownAddress } from "./socket.ts";
import { setSocketOptions } from "./socket_options.ts";

/**
 * Takes a listening socket over. Where that fails, it is still the caller's.
 *
 * @throws {GenericError} `"unreachable"`: it is none. `"unsupported"`: it has not got an option. `"in-use"`: it was
 * taken in another worker.
 */
export function adopt(target: AdoptTarget): TransportListener {
  libc();
  const { descriptor, backlog } = target;
  const family = inspect(target, abi.SOCK_STREAM);
  const isLocal = family === abi.AF_UNIX;
  if (isLocal) refuseTcpOptions(target);
  setSocketOptions(descriptor, target, { family, use: "listen", backlog });
  makeOurs(descriptor);
  const address = ownAddress(descriptor, "tcp");
  const state = { canReset: target.resetOnAbort === true };
  const accepted = (descriptor: number, from: NetworkAddress) => {
    if (!isLocal) return new LinuxTcpStream(descriptor, ownAddress(descriptor, "tcp"), from, state);
    // A local socket inherits no sizes.
    setSocketOptions(descriptor, target, { family, use: "connect" });
    return new LinuxStream(descriptor, address, from);
  };
  return new LinuxListener(descriptor, address, accepted, true);
}

function refuseTcpOptions(target: AdoptTarget): void {
  for (const name of TCP_OPTIONS) {
    const value = target[name];
    if (value === undefined || value === false || isForLocal(name)) continue;
    throw new GenericError(
      "unsupported",
      `Cannot set ${name}: descriptor ${target.descriptor} is a local socket`,
    );
  }
}

function isForLocal(name: SocketOptionName): boolean {
  return BUFFER_SIZE_OPTIONS.some((local) => local === name);
}
