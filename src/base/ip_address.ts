// IP addresses: read and written in one way, compared as text or as numbers, by datagrams, streams, blocks and
// headers alike.
//
// Strict where the system's own parser may be lenient: no leading zeros (octal to some, decimal to others), no
// fewer than four numbers. A check that lets "010.0.0.1" pass may allow another address than it looked at.

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$)){4}(?<!\.)$/;
/** Names that the system's resolver reads as an IPv4 address, whatever else they look like. */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i;
const ZONE = /^[\w.-]+$/;

/** 4 or 6 for an IP address, 0 for anything else: a host name. Expects what `checkHost` let pass. */
export function ipVersion(host: string): 0 | 4 | 6 {
  if (host.includes(":")) return 6;
  return IPV4.test(host) ? 4 : 0;
}

/**
 * Whether a name that is no address in dotted decimal would be taken for one: `127.1`, `127.0.0.01`, `0x7f.1`.
 *
 * @see https://url.spec.whatwg.org/#ends-in-a-number-checker
 */
export function isLooseIpv4(name: string): boolean {
  return ENDS_IN_NUMBER.test(name);
}

/**
 * The one spelling of an IP address, by which it is shown, compared and sent to: IPv6 as RFC 5952 has it, its
 * zone as it was given, and IPv4 that is written as IPv6 (`::ffff:192.0.2.1`) as IPv4.
 *
 * @returns `undefined` where the text is no address.
 */
export function canonicalIp(text: string): string | undefined {
  const percent = text.indexOf("%");
  if (percent < 0) {
    const address = parseIpAddress(text);
    return address === undefined ? undefined : formatIpAddress(unmapped(address));
  }
  const address = parseIpAddress(text.slice(0, percent));
  const zone = text.slice(percent + 1);
  // IPv4 has no zones.
  if (address === undefined || unmapped(address).bits === 32 || !ZONE.test(zone)) return undefined;
  return `${formatIpAddress(address)}%${zone}`;
}

/** As {@linkcode canonicalIp}, at no cost for an address that the runtime has written. */
export function unmappedIp(host: string): string {
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
}

/** An IPv4 address as IPv6, any other host as it is. */
export function mappedIp(host: string): string {
  return ipVersion(host) === 4 ? `::ffff:${host}` : host;
}

/**
 * Whether a socket bound there takes IPv4 addresses only in the form of IPv6. Linux takes both, and the permission is
 * for the address as it is.
 *
 * @param bound The address it is bound to.
 * @param system The operating system.
 */
export function wantsMappedIps(bound: string, system: string): boolean {
  return bound.includes(":") && system !== "linux";
}

/** A canonical address without its zone: most engines give the senders of datagrams without one. */
export function withoutZone(host: string): string {
  const percent = host.indexOf("%");
  return percent < 0 ? host : host.slice(0, percent);
}

/**
 * The family of addresses that a datagram socket reaches from where it is bound: 4, 6, or 0 for both, as on `::`.
 */
export function familyReachedFrom(host: string): 0 | 4 | 6 {
  if (host === "::") return 0;
  return host.includes(":") ? 6 : 4;
}

/** Whether a canonical IP address stands for all addresses of the machine. */
export function isUnspecified(host: string): boolean {
  return host === "::" || host === "0.0.0.0";
}

/** Whether a canonical IP address is a loopback address. */
export function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.") && ipVersion(host) === 4;
}

/** Whether a canonical IP address, without a zone, is a link-local one of IPv6, which needs one: fe80::/10. */
export function needsZone(host: string): boolean {
  return /^fe[89ab][\da-f]:/.test(host) && !host.includes("%");
}

/** Whether a canonical IP address is that of a multicast group. */
export function isMulticast(host: string): boolean {
  if (host.includes(":")) return /^ff[\da-f]{2}:/.test(host);
  const first = Number(host.slice(0, host.indexOf(".")));
  return first >= 224 && first <= 239;
}

/** An IPv4 or IPv6 address as one number. */
export interface IpAddress {
  /** How many bits it has: 32 is IPv4, 128 is IPv6. */
  readonly bits: 32 | 128;
  /** The address, most significant bit first. */
  readonly value: bigint;
}

/** The prefix of IPv4-mapped IPv6 addresses, `::ffff:0:0/96`. */
const MAPPED_PREFIX = 0xffffn;

/**
 * Reads an IPv4 or IPv6 address.
 *
 * @param text Dotted decimal, or any form of RFC 4291 section 2.2; no brackets, no zone.
 * @returns The address, `undefined` where the text is none.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (text.includes(":")) {
    const value = parseIpv6(text);
    return value === undefined ? undefined : { bits: 128, value };
  }
  const value = parseIpv4(text);
  return value === undefined ? undefined : { bits: 32, value };
}

/** Writes an address as the system does: dotted decimal, or the canonical form of RFC 5952. */
export function formatIpAddress(address: IpAddress): string {
  const { bits, value } = address;
  if (bits === 32) return formatIpv4(value);
  if (value >> 32n === MAPPED_PREFIX) return `::ffff:${formatIpv4(value & 0xffff_ffffn)}`;
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number(value >> shift & 0xffffn));
  const [start, length] = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** Reads an address from 4 or 16 bytes in network order. */
export function ipAddressFromBytes(bytes: Uint8Array): IpAddress {
  let value = 0n;
  for (const byte of bytes) value = value << 8n | BigInt(byte);
  return { bits: bytes.length === 4 ? 32 : 128, value };
}

/** Writes an address as 4 or 16 bytes in network order. */
export function ipAddressToBytes(address: IpAddress): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(address.bits / 8);
  let value = address.value;
  for (let i = bytes.length - 1; i >= 0; i--, value >>= 8n) bytes[i] = Number(value & 0xffn);
  return bytes;
}

/**
 * The IPv4 address inside an IPv4-mapped one, any other address as it is. A listener on `::` sees its IPv4
 * clients as `::ffff:192.0.2.1`; a rule about 192.0.2.1 is about them.
 */
export function unmapped(address: IpAddress): IpAddress {
  return address.bits === 128 && address.value >> 32n === MAPPED_PREFIX
    ? { bits: 32, value: address.value & 0xffff_ffffn }
    : address;
}

/** The IPv4-mapped form of an IPv4 address, an IPv6 address as it is. */
export function mapped(address: IpAddress): IpAddress {
  return address.bits === 128
    ? address
    : { bits: 128, value: MAPPED_PREFIX << 32n | address.value };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".", 5);
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value << 8n | BigInt(part);
  }
  return value;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::", 3);
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  if (halves.length === 1) return head?.length === 8 ? joinGroups(head) : undefined;
  const tail = parseGroups(halves[1]!, true);
  // "::" stands for at least one group of zeros.
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined;
  const zeros = new Array<bigint>(8 - head.length - tail.length).fill(0n);
  return joinGroups([...head, ...zeros, ...tail]);
}

/** Reads groups of hexadecimal digits; the last two may be written as an IPv4 address where `endsHere`. */
function parseGroups(text: string, endsHere: boolean): bigint[] | undefined {
  if (text === "") return [];
  const parts = text.split(":", 9);
  const groups: bigint[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(BigInt(`0x${part}`));
      continue;
    }
    const ipv4 = endsHere && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 === undefined) return undefined;
    groups.push(ipv4 >> 16n, ipv4 & 0xffffn);
  }
  return groups;
}

function joinGroups(groups: readonly bigint[]): bigint {
  let value = 0n;
  for (const group of groups) value = value << 16n | group;
  return value;
}

function formatIpv4(value: bigint): string {
  const number = Number(value);
  return `${number >>> 24}.${number >>> 16 & 255}.${number >>> 8 & 255}.${number & 255}`;
}

/** Where the first of the longest runs of zeros starts, and how long it is. */
function longestZeros(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let length = 0;
  for (let i = 0; i < groups.length; i++) {
    length = groups[i] === 0 ? length + 1 : 0;
    if (length > best[1]) best = [i - length + 1, length];
  }
  return best;
}
