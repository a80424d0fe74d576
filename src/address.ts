// Host and port, validated once.

import { checkInteger, shown } from "./arguments.ts";
import type { NetworkAddress } from "./network.ts";

/** One end of a conversation. */
export interface Address {
  /** Host name or IP address. */
  readonly host: string;
  /** Port, from 0 to 65535. */
  readonly port: number;
}

/** The characters of an IPv6 address, with an optional zone, with or without brackets. */
const IPV6 = /^(?:\[[\da-f:.]+(?:%[\w.-]+)?\]|[\da-f:.]+(?:%[\w.-]+)?)$/i;
/** A host name or an IPv4 address: anything that cannot be taken for another part of a URL. */
const NAME = /^(?=.*[\p{L}\p{N}])[\p{L}\p{M}\p{N}_~-]+(?:\.[\p{L}\p{M}\p{N}_~-]+)*\.?$/u;
/** The longest name that DNS allows. */
const MAX_HOST_LENGTH = 255;

/** Checks a host name or IP address and takes the brackets off an IPv6 address. */
export function checkHost(name: string, value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError(`${name} must be a string: got ${shown(value)}`);
  }
  if (value.length > MAX_HOST_LENGTH || !(value.includes(":") ? isIpv6(value) : NAME.test(value))) {
    throw new TypeError(`${name} must be a host name or an IP address: got ${shown(value)}`);
  }
  return value.startsWith("[") ? value.slice(1, -1) : value;
}

/** The characters alone would let `127.0.0.1:80` pass. */
function isIpv6(value: string): boolean {
  if (!IPV6.test(value)) return false;
  const address = value.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  return URL.canParse(`http://[${address}]`);
}

/**
 * Checks a port.
 *
 * @param name The name of the option, for the message.
 * @param value What was passed.
 * @param least 1 for a peer's port, 0 where the system may choose one.
 */
export function checkPort(name: string, value: unknown, least: 0 | 1): number {
  return checkInteger(name, value, least, 65_535);
}

/** How an address is written: `127.0.0.1:80`, `[::1]:80`. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The host, or path, of an address as the runtime gives it. */
export function hostOf(address: NetworkAddress): string {
  if ("hostname" in address) return address.hostname;
  if ("cid" in address) return String(address.cid);
  // Not typed as missing, but a socket that connects has no path.
  return (address.path as string | null) ?? "";
}

/** The port of an address as the runtime gives it, 0 where it has none. */
export function portOf(address: NetworkAddress): number {
  return "port" in address ? address.port : 0;
}
