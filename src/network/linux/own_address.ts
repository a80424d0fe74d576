// Which IP addresses are this machine's: the system is asked by a bind, which takes no list of them.

import { needsZone, withoutZone } from "../../base/ip_address.ts";
import { AF_INET, SOCK_DGRAM } from "./abi.ts";
import { libc } from "./libc.ts";
import { mayUseHost } from "./permissions.ts";
import { familyOf, ipSocketAddress, SCOPE_AT } from "./sockaddr.ts";
import { closeDescriptor, interfaceIndex, openSocket } from "./socket.ts";

/**
 * How many interfaces are tried for a link-local address: they are numbered from 1, as they are made. All of them take a
 * fraction of a millisecond.
 */
const INTERFACES = 256;

/** Whether an address is one of this machine's: the system binds no other. */
export function isOwnAddress(address: string): boolean {
  const ip = withoutZone(address);
  if (!mayUseHost(ip, 0)) return false;
  const descriptor = openSocket(familyOf(ip), SOCK_DGRAM);
  try {
    const own = ipSocketAddress(address, 0, interfaceIndex);
    const { bind } = libc();
    const isBound = () => bind(descriptor, own, own.length) === 0;
    if (isBound()) return true;
    if (!needsZone(ip)) return false;
    // The zone is the interface that it came in by. Where two are on one link, the address may be that of the other.
    const view = new DataView(own.buffer);
    for (let index = 1; index <= INTERFACES; index++) {
      view.setUint32(SCOPE_AT, index, true);
      if (isBound()) return true;
    }
    return false;
  } catch {
    return false;
  } finally {
    closeDescriptor(descriptor);
  }
}

/** What was asked last, and the answer: the datagrams of one peer come to one address. */
let last: readonly [word: number, mayAnswer: boolean] | undefined;

/**
 * Whether answers may leave from an IPv4 address: it is this machine's, and neither that of a group nor that of all on a
 * network. No permission is needed to know that of an address that datagrams came to.
 *
 * @param word An `in_addr`.
 */
export function mayAnswerFrom(word: number): boolean {
  if (last?.[0] !== word) last = [word, isOwnUnicast(word)];
  return last[1];
}

function isOwnUnicast(word: number): boolean {
  const address = [word, word >>> 8, word >>> 16, word >>> 24].map((byte) => byte & 0xff);
  if (address[0]! >= 224) return false;
  const descriptor = openSocket(AF_INET, SOCK_DGRAM);
  try {
    const { bind, connect } = libc();
    const own = ipSocketAddress(address.join("."), 0);
    const there = ipSocketAddress(address.join("."), 9);
    // The address of all on a network can be bound, but a socket that may not broadcast cannot be connected to it.
    return bind(descriptor, own, own.length) === 0 &&
      connect(descriptor, there, there.length) === 0;
  } finally {
    closeDescriptor(descriptor);
  }
}
