// Addresses of sockets as they lie in memory (see abi.ts for the sources), both ways.

import type { NetworkAddress } from "../../base/address.ts";
import { isAbstract } from "../../base/address.ts";
import {
  formatIpAddress,
  ipAddressFromBytes,
  ipAddressToBytes,
  parseIpAddress,
  withoutZone,
} from "../../base/ip_address.ts";
import { AF_INET, AF_INET6, AF_UNIX, SOCKADDR_IN6_BYTES, SOCKADDR_IN_BYTES } from "./abi.ts";

/** The bytes of an address, as many as its length says. */
export type SocketAddress = Uint8Array<ArrayBuffer>;

/** Where the scope of an address of IPv6 is: the index of a network interface. */
export const SCOPE_AT = 24;

/** The family of an IP address. */
export function familyOf(ip: string): typeof AF_INET | typeof AF_INET6 {
  return ip.includes(":") ? AF_INET6 : AF_INET;
}

/**
 * Writes an IP address and a port.
 *
 * @param ip IPv4 or IPv6, without brackets; an IPv6 one may have a zone.
 * @param port From 0 to 65535.
 * @param indexOf Gives the index of a network interface by its name, 0 where there is none.
 * @throws {TypeError} It is no IP address, or its zone is no network interface.
 */
export function ipSocketAddress(
  ip: string,
  port: number,
  indexOf: (name: string) => number = () => 0,
): SocketAddress {
  const parsed = parseIpAddress(withoutZone(ip));
  if (parsed === undefined) throw new TypeError(`Cannot use an address: ${ip} is no IP address`);
  const bytes = ipAddressToBytes(parsed);
  const isIpv6 = parsed.bits === 128;
  const address = new Uint8Array(isIpv6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
  const view = new DataView(address.buffer);
  // struct sockaddr_in: family, port, address. struct sockaddr_in6: family, port, flow, address, scope.
  view.setUint16(0, isIpv6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  address.set(bytes, isIpv6 ? 8 : 4);
  if (isIpv6) view.setUint32(SCOPE_AT, scopeOf(ip, indexOf), true);
  return address;
}

function scopeOf(ip: string, indexOf: (name: string) => number): number {
  const percent = ip.indexOf("%");
  if (percent < 0) return 0;
  const zone = ip.slice(percent + 1);
  const scope = /^\d{1,9}$/.test(zone) ? Number(zone) : indexOf(zone);
  if (scope === 0) throw new TypeError(`Cannot use ${ip}: there is no network interface ${zone}`);
  return scope;
}

/** Writes the path of a local socket, or an abstract name, each of checked length. */
export function unixSocketAddress(path: string): SocketAddress {
  const bytes = new TextEncoder().encode(path);
  // A path ends with a NUL; in an abstract name every byte counts.
  const address = new Uint8Array(2 + bytes.length + (isAbstract(path) ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, 2);
  return address;
}

/** Reads the IP address, without its scope. */
export function ipOf(address: Uint8Array): string {
  const family = address[0]! | address[1]! << 8;
  const bytes = family === AF_INET ? address.subarray(4, 8) : address.subarray(8, 24);
  if (family === AF_INET) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  return formatIpAddress(ipAddressFromBytes(bytes));
}

/** Reads the port. */
export function socketPortOf(address: Uint8Array): number {
  return address[2]! << 8 | address[3]!;
}

/** Reads the scope of an IPv6 address: the index of the network interface, 0 where it needs none. */
export function socketScopeOf(address: Uint8Array): number {
  if ((address[0]! | address[1]! << 8) !== AF_INET6) return 0;
  return address[24]! | address[25]! << 8 | address[26]! << 16 | address[27]! << 24;
}

/**
 * Reads an address.
 *
 * @param address Room for one.
 * @param length How many bytes of it the system has written.
 * @param transport What an IP address belongs to.
 */
export function networkAddress(
  address: Uint8Array,
  length: number,
  transport: "tcp" | "udp",
): NetworkAddress {
  const family = address[0]! | address[1]! << 8;
  if (family !== AF_UNIX) {
    return { transport, hostname: ipOf(address), port: socketPortOf(address) };
  }
  // A socket that was never bound has no path: Deno says null, which its types do not.
  if (length <= 2) return { transport: "unix", path: null as unknown as string };
  const bytes = address.subarray(2, length);
  const end = bytes[0] === 0 ? bytes.length : bytes.indexOf(0);
  return {
    transport: "unix",
    path: new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)),
  };
}
