// Binds a datagram socket as a config says, and turns a failure into a SocketError.

import { formatAddress } from "../base/address.ts";
import { GenericError, setupError } from "../base/errors.ts";
import { bare } from "../base/options.ts";
import type { DatagramSocket } from "../network/network.ts";
import type { UdpSocketSettings } from "./udp_config.ts";

/**
 * Binds a socket, at once where the network can.
 *
 * @param hostname The local address.
 * @param port The local port; 0 for one that the system chooses.
 * @param settings How to bind it.
 * @throws {SocketError} Or it rejects with one.
 */
export function bindDatagram(
  hostname: string,
  port: number,
  settings: UdpSocketSettings,
): DatagramSocket | Promise<DatagramSocket> {
  const { network, reuseAddress, multicastLoopback } = settings;
  const { timeToLive, multicastTimeToLive, multicastInterface } = settings;
  const action = `Cannot bind to ${formatAddress(hostname, port)}`;
  const fail = (cause: unknown) => {
    throw setupError(action, cause);
  };
  if (hostname.includes(":") && (timeToLive ?? multicastTimeToLive) !== undefined) {
    const message = `${action}: Deno can set a time to live only for IPv4`;
    throw new GenericError("unsupported", message);
  }
  try {
    const made = network.listenDatagram(bare({
      hostname,
      port,
      reuseAddress,
      multicastLoopback,
      ...(timeToLive === undefined ? {} : { timeToLive }),
      ...(multicastTimeToLive === undefined ? {} : { multicastTimeToLive }),
      ...(multicastInterface === undefined ? {} : { multicastInterface }),
    }));
    return made instanceof Promise ? made.catch(fail) : made;
  } catch (error) {
    return fail(error);
  }
}
