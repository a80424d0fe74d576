// Binds a datagram socket of this engine.

import { ipVersion } from "../../base/ip_address.ts";
import type {
  AdoptDatagramTarget,
  DatagramAddress,
  DatagramSocket,
  DatagramTarget,
} from "../datagram_socket.ts";
import { SOCK_DGRAM } from "./abi.ts";
import { AddressBook } from "./datagram_address.ts";
import { disconnectSocket, setDatagramOptions } from "./datagram_options.ts";
import { LinuxDatagramSocket, type Resolve } from "./datagram_socket.ts";
import { requireHost } from "./permissions.ts";
import { familyOf, ipSocketAddress } from "./sockaddr.ts";
import { inspect, makeOurs } from "./handed_over.ts";
import { bindTo, closeDescriptor, interfaceIndex, openSocket, ownAddress } from "./socket.ts";

const books = new Map<number, AddressBook>();

/** The addresses that all sockets of a family know. */
function bookOf(family: number): AddressBook {
  let book = books.get(family);
  if (book === undefined) books.set(family, book = new AddressBook(family));
  return book;
}

/**
 * Binds one.
 *
 * @param target Where, and how.
 * @param resolve Looks a name up, with the permission for it.
 * @throws {Error} Or it rejects with it, where a name has to be looked up.
 */
export function bindLinuxDatagram(
  target: DatagramTarget,
  resolve: Resolve,
): DatagramSocket | Promise<DatagramSocket> {
  const { hostname, port } = target;
  requireHost(hostname, port);
  if (ipVersion(hostname) !== 0) return bindAt(target, hostname, resolve);
  return resolve({ transport: "udp", hostname, port }, 0)
    .then((address) => bindAt(target, address.hostname, resolve));
}

/**
 * Takes over one that somebody else has bound. Where that fails, it is still the caller's.
 *
 * @param target Which one, and how.
 * @param resolve Looks a name up, with the permission for it.
 * @throws {GenericError} `"unreachable"`: it is none. `"in-use"`: it was taken in another worker.
 */
export function adoptLinuxDatagram(target: AdoptDatagramTarget, resolve: Resolve): DatagramSocket {
  const { descriptor } = target;
  const family = inspect(target, SOCK_DGRAM);
  const { hostname, port } = ownAddress(descriptor, "udp") as DatagramAddress;
  setDatagramOptions(descriptor, family, { ...target, hostname, port }, true);
  makeOurs(descriptor);
  return new LinuxDatagramSocket(descriptor, bookOf(family), resolve, true);
}

function bindAt(target: DatagramTarget, ip: string, resolve: Resolve): DatagramSocket {
  const family = familyOf(ip);
  const descriptor = openSocket(family, SOCK_DGRAM);
  try {
    setDatagramOptions(descriptor, family, target);
    if (target.port === 0) bindToAnyPort(descriptor, ip);
    else bindTo(descriptor, ipSocketAddress(ip, target.port, interfaceIndex));
    return new LinuxDatagramSocket(descriptor, bookOf(family), resolve);
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

/** A port that the system has chosen goes with the first peer; one that was asked for stays. So it is asked for. */
function bindToAnyPort(descriptor: number, ip: string): void {
  for (;;) {
    bindTo(descriptor, ipSocketAddress(ip, 0, interfaceIndex));
    const { port } = ownAddress(descriptor, "udp") as DatagramAddress;
    disconnectSocket(descriptor);
    try {
      return bindTo(descriptor, ipSocketAddress(ip, port, interfaceIndex));
    } catch (error) {
      // Somebody was faster.
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
