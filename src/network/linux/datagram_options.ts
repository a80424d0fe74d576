// What is set on a datagram socket by the system's own options, of IPv4 and of IPv6.

import { ipAddressToBytes, ipVersion, parseIpAddress } from "../../base/ip_address.ts";
import type { DatagramTarget, GroupMembership } from "../datagram_socket.ts";
import * as abi from "./abi.ts";
import type { LinuxDatagramAddress } from "./datagram_address.ts";
import { attempt } from "./errno.ts";
import { libc } from "./libc.ts";
import { setOption } from "./socket.ts";
import { setSocketOptions } from "./socket_options.ts";

/** The number 1. */
const ON = new Uint8Array([1, 0, 0, 0]);
/** `INADDR_ANY`. */
const ANY = new Uint8Array(4);

/** Sets what a target asks for, before the socket is bound, or where it was bound by somebody else. */
export function setDatagramOptions(
  descriptor: number,
  family: number,
  target: DatagramTarget,
  isBound = false,
): void {
  const isIpv6 = family === abi.AF_INET6;
  const { reuseAddress, multicastLoopback = true } = target;
  const set = (level: number, option: number, value: number | Uint8Array<ArrayBuffer>) =>
    setOption(descriptor, level, option, value);
  // Deno's own sockets may always broadcast.
  set(abi.SOL_SOCKET, abi.SO_BROADCAST, 1);
  if (reuseAddress) {
    // On Linux, sockets of one address each get datagrams only with the first; Deno sets both.
    set(abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
  }
  setSocketOptions(descriptor, target, { family, use: "datagram" });
  set(abi.IPPROTO_IP, abi.IP_MULTICAST_LOOP, multicastLoopback ? 1 : 0);
  if (isIpv6) {
    if (!isBound) set(abi.IPPROTO_IPV6, abi.IPV6_V6ONLY, 0);
    set(abi.IPPROTO_IPV6, abi.IPV6_MULTICAST_LOOP, multicastLoopback ? 1 : 0);
  }
  const { multicastTimeToLive, multicastInterface } = target;
  if (multicastTimeToLive !== undefined) {
    set(abi.IPPROTO_IP, abi.IP_MULTICAST_TTL, multicastTimeToLive);
    if (isIpv6) set(abi.IPPROTO_IPV6, abi.IPV6_MULTICAST_HOPS, multicastTimeToLive);
  }
  if (multicastInterface !== undefined) {
    if (typeof multicastInterface === "number") {
      set(abi.IPPROTO_IPV6, abi.IPV6_MULTICAST_IF, multicastInterface);
    } else {
      set(abi.IPPROTO_IP, abi.IP_MULTICAST_IF, ipv4(multicastInterface));
    }
  }
  // Datagrams of one sender in a row come as one message, which is taken apart again. Kernels before 5.0 do not know it.
  attempt(() => libc().setsockopt(descriptor, abi.IPPROTO_UDP, abi.UDP_GRO, ON, ON.length));
  // A socket of one address needs not be told where a datagram came to.
  if (isIpv6) {
    if (target.hostname === "::") {
      set(abi.IPPROTO_IPV6, abi.IPV6_RECVPKTINFO, 1);
      // What came by IPv4 to a group or to all: only this has an address that may answer.
      set(abi.IPPROTO_IP, abi.IP_PKTINFO, 1);
    }
  } else if (target.hostname === "0.0.0.0") {
    set(abi.IPPROTO_IP, abi.IP_PKTINFO, 1);
  }
}

function ipv4(address: string): Uint8Array<ArrayBuffer> {
  const parsed = parseIpAddress(address);
  if (parsed?.bits !== 32) throw new TypeError(`Cannot use ${address}: it is no IPv4 address`);
  return ipAddressToBytes(parsed);
}

/**
 * Joins or leaves a group.
 *
 * @throws {Error} The system refuses.
 */
export function setMembership(
  descriptor: number,
  { group, networkInterface, source }: GroupMembership,
  joins: boolean,
): void {
  if (ipVersion(group) === 6) {
    // struct ipv6_mreq: the group, the index of an interface.
    const request = new Uint8Array(20);
    request.set(ipAddressToBytes(parseIpAddress(group)!));
    new DataView(request.buffer).setUint32(16, Number(networkInterface ?? 0), true);
    const option = joins ? abi.IPV6_ADD_MEMBERSHIP : abi.IPV6_DROP_MEMBERSHIP;
    return setOption(descriptor, abi.IPPROTO_IPV6, option, request);
  }
  // struct ip_mreq: the group, an interface. struct ip_mreq_source has the source as well.
  const parts = [
    ipv4(group),
    networkInterface === undefined ? ANY : ipv4(String(networkInterface)),
  ];
  if (source !== undefined) parts.push(ipv4(source));
  const request = new Uint8Array(parts.length * 4);
  parts.forEach((part, i) => request.set(part, i * 4));
  const [join, leave] = source === undefined
    ? [abi.IP_ADD_MEMBERSHIP, abi.IP_DROP_MEMBERSHIP]
    : [abi.IP_ADD_SOURCE_MEMBERSHIP, abi.IP_DROP_SOURCE_MEMBERSHIP];
  setOption(descriptor, abi.IPPROTO_IP, joins ? join : leave, request);
}

/** `AF_UNSPEC`: nobody. */
const NOBODY = new Uint8Array(abi.SOCKADDR_IN_BYTES);

/** Ends that the system knows a peer of a socket. It has the address that it was bound to again. */
export function disconnectSocket(descriptor: number): void {
  const { connect } = libc();
  attempt(() => connect(descriptor, NOBODY, NOBODY.length));
}

/** Lets the system give a socket only what a peer sends. Returns whether it does. */
export function connectSocket(descriptor: number, peer: LinuxDatagramAddress): boolean {
  const { connect } = libc();
  const words = new Int32Array(peer.bytes / 4);
  peer.write(words, 0);
  const bytes = new Uint8Array(words.buffer);
  return attempt(() => connect(descriptor, bytes, bytes.length)) === 0;
}
