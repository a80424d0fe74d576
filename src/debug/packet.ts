// Writes made-up IP packets into memory: headers of IPv4, IPv6, TCP and UDP with their checksums (RFC 791, 8200, 9293,
// 768, 1071). Pure; all places in memory are even.
//
// Sums of 16 bits are taken in the order of the machine, which gives the same checksum (RFC 1071, 2). All machines that
// the runtime is made for have the low byte first.

import { type IpAddress, ipAddressToBytes, mapped, unmapped } from "../base/ip_address.ts";

/** Memory, seen in three ways. */
export interface Page {
  /** Byte by byte. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For numbers in either order. */
  readonly view: DataView;
  /** In pairs of bytes, for sums. */
  readonly words: Uint16Array;
}

/** Makes a page. @param length Its bytes; an even number. */
export function makePage(length: number): Page {
  const bytes = new Uint8Array(length);
  const { buffer } = bytes;
  return { bytes, view: new DataView(buffer), words: new Uint16Array(buffer) };
}

/** One end of a conversation, as packets name it. */
export interface PacketEnd {
  /** The bytes of its IP address: 4 or 16, as many as those of the other end. */
  readonly ip: Uint8Array;
  /** Its port. */
  readonly port: number;
}

/** Bits of a TCP header. */
export const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;

/** What a TCP header says. */
export interface Segment {
  /** Number of its first byte. */
  readonly seq: number;
  /** Number of the byte that is expected next. */
  readonly ack: number;
  /** Bits. */
  readonly flags: number;
}

const TCP = 6;
const UDP = 17;
/** With SYN: the window is to be multiplied by 2^14, so that it never seems full. */
const WINDOW_SCALE = Uint8Array.of(3, 3, 14, 0);
const WINDOW = 0xffff;
const TIME_TO_LIVE = 64;
/** The most content that a datagram can have: what the length of an IPv4 packet leaves. */
export const MAX_DATAGRAM_LENGTH = 65_535 - 20 - 8;

/** The bytes of two addresses, both of one family. */
export function pairOf(one: IpAddress, other: IpAddress): [one: Uint8Array, other: Uint8Array] {
  const pair = [unmapped(one), unmapped(other)];
  const isMixed = pair[0]!.bits !== pair[1]!.bits;
  const [a, b] = pair.map((address) => ipAddressToBytes(isMixed ? mapped(address) : address));
  return [a!, b!];
}

/** How many bytes stand before the content. */
export function headersLength(from: PacketEnd, segment: Segment | undefined): number {
  const ip = from.ip.length === 4 ? 20 : 40;
  if (segment === undefined) return ip + 8;
  return ip + 20 + ((segment.flags & SYN) === 0 ? 0 : WINDOW_SCALE.length);
}

/**
 * Writes a packet.
 *
 * @param page Where to.
 * @param at Its place: an even number.
 * @param from Who sends it.
 * @param to Who gets it.
 * @param segment What its TCP header says; `undefined` for a datagram of UDP.
 * @param content What it carries.
 * @param room How many bytes of it to write at most, its headers at least.
 * @returns How many bytes it has.
 */
export function writePacket(
  page: Page,
  at: number,
  from: PacketEnd,
  to: PacketEnd,
  segment: Segment | undefined,
  content: Uint8Array,
  room: number,
): number {
  const { bytes, view } = page;
  const ipLength = from.ip.length === 4 ? 20 : 40;
  const inner = at + ipLength;
  const headers = headersLength(from, segment);
  const innerLength = headers - ipLength + content.length;
  if (ipLength === 20) {
    writeIpv4(page, at, from, to, segment === undefined ? UDP : TCP, innerLength);
  } else writeIpv6(page, at, from, to, segment === undefined ? UDP : TCP, innerLength);
  view.setUint16(inner, from.port);
  view.setUint16(inner + 2, to.port);
  let checksumAt = inner + 16;
  if (segment === undefined) {
    view.setUint16(inner + 4, innerLength);
    checksumAt = inner + 6;
  } else {
    const { seq, ack, flags } = segment;
    view.setUint32(inner + 4, seq);
    view.setUint32(inner + 8, ack);
    view.setUint16(inner + 12, ((headers - ipLength) << 10) | flags);
    view.setUint16(inner + 14, WINDOW);
    view.setUint16(inner + 18, 0);
    if ((flags & SYN) !== 0) bytes.set(WINDOW_SCALE, inner + 20);
  }
  view.setUint16(checksumAt, 0);
  const start = at + headers;
  const kept = Math.min(content.length, room - headers);
  bytes.set(kept === content.length ? content : content.subarray(0, kept), start);
  const addresses = ipLength === 20 ? at + 12 : at + 8;
  // The addresses, the protocol and the length: what TCP and UDP count besides themselves.
  let sum = sumOf(page, addresses, inner) + swapped(segment === undefined ? UDP : TCP) +
    swapped(innerLength);
  if (kept === content.length) sum += sumOf(page, inner, start + kept);
  else sum += sumOf(page, inner, start) + sumOfBytes(content);
  const checksum = folded(sum);
  // 0 means that there is none (RFC 768).
  page.words[checksumAt >> 1] = checksum === 0 && segment === undefined ? 0xffff : checksum;
  return headers + content.length;
}

function writeIpv4(
  page: Page,
  at: number,
  from: PacketEnd,
  to: PacketEnd,
  protocol: number,
  innerLength: number,
): void {
  const { bytes, view } = page;
  view.setUint16(at, 0x4500);
  view.setUint16(at + 2, 20 + innerLength);
  view.setUint32(at + 4, 0x4000); // not to be taken to pieces
  view.setUint16(at + 8, (TIME_TO_LIVE << 8) | protocol);
  view.setUint16(at + 10, 0);
  bytes.set(from.ip, at + 12);
  bytes.set(to.ip, at + 16);
  page.words[(at + 10) >> 1] = folded(sumOf(page, at, at + 20));
}

function writeIpv6(
  { bytes, view }: Page,
  at: number,
  from: PacketEnd,
  to: PacketEnd,
  protocol: number,
  innerLength: number,
): void {
  view.setUint32(at, 0x60000000);
  view.setUint16(at + 4, innerLength);
  view.setUint16(at + 6, (protocol << 8) | TIME_TO_LIVE);
  bytes.set(from.ip, at + 8);
  bytes.set(to.ip, at + 24);
}

function sumOf({ bytes, words }: Page, start: number, end: number): number {
  let sum = 0;
  const last = end >> 1;
  for (let i = start >> 1; i < last; i++) sum += words[i]!;
  return end % 2 === 0 ? sum : sum + bytes[end - 1]!;
}

function sumOfBytes(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i]! : bytes[i]! << 8;
  return sum;
}

function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}

function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x10000);
  return ~rest & 0xffff;
}
