// Host and port, or the path of a local socket, validated once.

import { checkInteger, shown } from "./arguments.ts";
import { canonicalIp, ipVersion, isLooseIpv4, unmappedIp } from "./ip_address.ts";

/** One end of a conversation. */
export interface Address {
  /** Host name or IP address. */
  readonly host: string;
  /** Port, from 0 to 65535. */
  readonly port: number;
}

/** Where an end of a stream or a datagram socket is. */
export type NetworkAddress =
  | { readonly transport: "tcp" | "udp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix" | "unixpacket"; readonly path: string }
  | { readonly transport: "vsock"; readonly cid: number; readonly port: number };

/** A host name: nothing that can be taken for another part of a URL. */
const NAME = /^(?=.*[\p{L}\p{N}])[\p{L}\p{M}\p{N}_~-]+(?:\.[\p{L}\p{M}\p{N}_~-]+)*\.?$/u;
/** The longest name that DNS allows. */
const MAX_HOST_LENGTH = 255;
/** What the system has room for: the path of a file is followed by a NUL, an abstract name by nothing. */
export const MAX_PATH_LENGTH = Deno.build.os === "linux" ? 107 : 103;
const MAX_ABSTRACT_LENGTH = 108;

/**
 * Checks a host name or IP address.
 *
 * @returns A name as it is, an address in its one spelling, without brackets: so that it is always compared and kept
 * as the same.
 */
export function checkHost(name: string, value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError(`${name} must be a string: got ${shown(value)}`);
  }
  if (ipVersion(value) === 4) return value;
  const wrong = `${name} must be a host name or an IP address: got ${shown(value)}`;
  if (value.length > MAX_HOST_LENGTH) throw new TypeError(wrong);
  if (value.includes(":")) {
    const isBracketed = value.startsWith("[") && value.endsWith("]");
    const address = canonicalIp(isBracketed ? value.slice(1, -1) : value);
    if (address === undefined) throw new TypeError(wrong);
    return address;
  }
  if (!NAME.test(value)) throw new TypeError(wrong);
  // Systems would read it as an address, and not all as the same one.
  if (isLooseIpv4(value)) {
    const advice = "an IPv4 address is four numbers from 0 to 255 without leading zeros";
    throw new TypeError(`${wrong}; ${advice}`);
  }
  return value;
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

/** How an address, or a host alone, is written: `127.0.0.1:80`, `[::1]:80`, `[::1]`. */
export function formatAddress(host: string, port?: number): string {
  const written = host.includes(":") ? `[${host}]` : host;
  return port === undefined ? written : `${written}:${port}`;
}

/** The host in its one spelling, or the path, of an address as the runtime gives it. */
export function hostOf(address: NetworkAddress): string {
  if ("hostname" in address) return unmappedIp(address.hostname);
  if ("cid" in address) return String(address.cid);
  // The types do not say so, but a socket that connects has no path.
  return (address.path as string | null) ?? "";
}

/** Whether this is an address as the runtime gives it. */
export function isAddress(value: unknown): value is NetworkAddress {
  if (typeof value !== "object" || value === null) return false;
  const { hostname, port } = value as Partial<Deno.NetAddr>;
  return typeof hostname === "string" && typeof port === "number" || "path" in value ||
    "cid" in value;
}

/** The ends of a stream. */
interface StreamEnds {
  readonly localAddr?: NetworkAddress | undefined;
  readonly remoteAddr?: NetworkAddress | undefined;
}

/** Where the ends of a stream are. One of the user's own may have forgotten it: then it is nowhere. */
export function endOf(ends: StreamEnds, name: keyof StreamEnds): NetworkAddress | undefined {
  try {
    const address: unknown = ends[name];
    return isAddress(address) ? address : undefined;
  } catch {
    return undefined;
  }
}

/** The host of an end of a stream, empty where it is nowhere. */
export function hostAt(ends: StreamEnds, name: keyof StreamEnds): string {
  const address = endOf(ends, name);
  return address === undefined ? "" : hostOf(address);
}

/** Its port, 0 where it has none. */
export function portAt(ends: StreamEnds, name: keyof StreamEnds): number {
  const address = endOf(ends, name);
  return address === undefined ? 0 : portOf(address);
}

/** The port of an address as the runtime gives it, 0 where it has none. */
export function portOf(address: NetworkAddress): number {
  return "port" in address ? address.port : 0;
}

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

/** The path of a file that stays the same when the program changes its folder. */
export function absolutePath(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

/** Whether it is a name in the system's own list, without a file (Linux). */
export function isAbstract(path: string): boolean {
  return path.startsWith("\0");
}
