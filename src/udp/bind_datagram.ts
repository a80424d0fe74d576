// Binds a datagram socket as a config says, or takes over one that was handed over, and turns a failure into a
// SocketError.

import { formatAddress } from "../base/address.ts";
import { setupError } from "../base/setup_error.ts";
import { bare } from "../base/options.ts";
import { noneInherited, takeInherited } from "../network/inherited.ts";
import { checkMade } from "../network/made.ts";
import type { DatagramSocket } from "../network/network.ts";
import { refuseUnsupported, sharesPort } from "../network/socket_options.ts";
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
  const { network, inherited, socket } = settings;
  const action = `Cannot bind to ${formatAddress(hostname, port)}`;
  const fail = (cause: unknown) => {
    throw setupError(action, cause, {
      localHost: hostname,
      reusePort: sharesPort(network.socketOptions, "datagram", socket),
    });
  };
  const check = (made: DatagramSocket) => checkMade("DatagramSocket", made);
  const options = optionsOf(settings);
  const bind = () => network.listenDatagram(bare({ hostname, port, ...options }));
  try {
    refuseUnsupported(network.socketOptions, "datagram", socket);
    if (inherited === undefined) {
      const made = bind();
      return made instanceof Promise ? made.then(check).catch(fail) : check(made);
    }
    return takeInherited(inherited, "datagrams", settings, (taken) => {
      if (network.adoptDatagram === undefined) throw noneInherited();
      return network.adoptDatagram(bare({ ...options, ...taken }));
    }).then(async (adopted) => check(adopted ?? await bind())).catch(fail);
  } catch (error) {
    return fail(error);
  }
}

/** What was asked for, and nothing else. */
function optionsOf(settings: UdpSocketSettings) {
  const { reuseAddress, multicastLoopback, multicastTimeToLive, multicastInterface } = settings;
  return {
    reuseAddress,
    multicastLoopback,
    ...settings.socket,
    ...(multicastTimeToLive === undefined ? {} : { multicastTimeToLive }),
    ...(multicastInterface === undefined ? {} : { multicastInterface }),
  };
}
