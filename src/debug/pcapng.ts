// The blocks of a pcapng file (draft-ietf-opsawg-pcapng): its beginning, one interface, and packets with a comment.

import type { Page } from "./packet.ts";

/** Packets begin with their IP header (LINKTYPE_RAW). */
const RAW_IP = 101;
const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE = 1;
const ENHANCED_PACKET = 6;
const COMMENT = 1;
const APPLICATION = 4;
/** What stands before a packet's bytes, and what follows them where it has no comment. */
export const BLOCK_HEAD_LENGTH = 28;
const BLOCK_TAIL_LENGTH = 4;
const NOTHING = new Uint8Array(0);

const encoder = new TextEncoder();

/** The next multiple of four. */
function padded(length: number): number {
  return (length + 3) & ~3;
}

/**
 * What a file begins with.
 *
 * @param snapLength How many bytes of a packet are kept at most.
 */
export function fileHead(snapLength: number): Uint8Array<ArrayBuffer> {
  const application = encoder.encode("socket");
  const section = 28 + optionLength(application.length) + 4;
  const bytes = new Uint8Array(section + 20);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SECTION_HEADER, true);
  view.setUint32(4, section, true);
  view.setUint32(8, 0x1a2b3c4d, true); // tells the order of bytes
  view.setUint16(12, 1, true); // version 1.0
  view.setBigInt64(16, -1n, true); // a length that is not known
  writeOption({ bytes, view }, 24, APPLICATION, application);
  view.setUint32(section - 4, section, true);
  view.setUint32(section, INTERFACE, true);
  view.setUint32(section + 4, 20, true);
  view.setUint16(section + 8, RAW_IP, true);
  view.setUint32(section + 12, snapLength, true);
  view.setUint32(section + 16, 20, true);
  return bytes;
}

/** The bytes of a comment. */
export function commentBytes(comment: string | undefined): Uint8Array {
  // Longer than an option may be would make the file unreadable.
  return comment === undefined ? NOTHING : encoder.encode(comment.slice(0, 1024));
}

/** How long the block of a packet is. @param kept How many bytes of it are kept. @param comment Its comment. */
export function packetBlockLength(kept: number, comment: Uint8Array): number {
  const options = comment.length === 0 ? 0 : optionLength(comment.length) + 4;
  return BLOCK_HEAD_LENGTH + padded(kept) + options + BLOCK_TAIL_LENGTH;
}

/**
 * Writes the block around a packet, whose bytes are at `at + BLOCK_HEAD_LENGTH`.
 *
 * @param page Where to.
 * @param at The block's place.
 * @param micros The time, in microseconds since 1970.
 * @param kept How many bytes of the packet there are.
 * @param length How many it has.
 * @param comment Its comment.
 */
export function writePacketBlock(
  page: Page,
  at: number,
  micros: number,
  kept: number,
  length: number,
  comment: Uint8Array,
): void {
  const { bytes, view } = page;
  const total = packetBlockLength(kept, comment);
  view.setUint32(at, ENHANCED_PACKET, true);
  view.setUint32(at + 4, total, true);
  view.setUint32(at + 8, 0, true); // the one interface
  view.setUint32(at + 12, Math.floor(micros / 2 ** 32), true);
  view.setUint32(at + 16, micros % 2 ** 32, true);
  view.setUint32(at + 20, kept, true);
  view.setUint32(at + 24, length, true);
  const end = at + BLOCK_HEAD_LENGTH + kept;
  const options = at + BLOCK_HEAD_LENGTH + padded(kept);
  // Memory is used again.
  for (let i = end; i < options; i++) bytes[i] = 0;
  if (comment.length > 0) writeOption(page, options, COMMENT, comment);
  view.setUint32(at + total - 4, total, true);
}

function optionLength(length: number): number {
  return 4 + padded(length);
}

/** Writes an option, and behind it the end of all. */
function writeOption(
  { bytes, view }: Pick<Page, "bytes" | "view">,
  at: number,
  code: number,
  value: Uint8Array,
): void {
  view.setUint16(at, code, true);
  view.setUint16(at + 2, value.length, true);
  const end = at + optionLength(value.length);
  bytes.fill(0, at + 4 + value.length, end + 4);
  bytes.set(value, at + 4);
}
