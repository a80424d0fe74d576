// The PROXY protocol, version 2: binary (section 2.2 of the specification).
//
//   signature 12 | version and command 1 | family and protocol 1 | length 2 | addresses | TLVs

import type { ByteQueue } from "../bytes/byte_queue.ts";
import type { NetworkAddress } from "../base/address.ts";
import { crc32c } from "./crc32c.ts";
import {
  formatIpAddress,
  ipAddressFromBytes,
  ipAddressToBytes,
  parseIpAddress,
} from "../base/ip_address.ts";
import { inOneFamily, ProxyHeader, UNIX_PATH_LENGTH } from "./proxy_header.ts";
import { proxyHeaderError } from "./proxy_header_error.ts";
import {
  lengthOfTlvs,
  parseTlvs,
  PROXY_TLV,
  type ProxyTlv,
  TLV_PREFIX_LENGTH,
  writeTlvs,
} from "./proxy_tlv.ts";

/** What a header begins with; no other known protocol does. */
export const V2_SIGNATURE: Uint8Array<ArrayBuffer> = Uint8Array.of(
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
);
const PREFIX_LENGTH = 16;
/** The longest header that its length field allows. */
export const V2_MAX_LENGTH: number = PREFIX_LENGTH + 0xffff;
/** The longest header without TLVs. */
export const V2_MAX_LENGTH_OF_ADDRESSES: number = PREFIX_LENGTH + 2 * UNIX_PATH_LENGTH;

const LOCAL = 0x20;
const PROXY = 0x21;

type Transport = NetworkAddress["transport"];

/** What each value of the family byte means; any other is refused. */
const FAMILIES = new Map<number, { transport: Transport | undefined; addressLength: number }>([
  [0x00, { transport: undefined, addressLength: 0 }],
  [0x11, { transport: "tcp", addressLength: 4 }],
  [0x12, { transport: "udp", addressLength: 4 }],
  [0x21, { transport: "tcp", addressLength: 16 }],
  [0x22, { transport: "udp", addressLength: 16 }],
  [0x31, { transport: "unix", addressLength: UNIX_PATH_LENGTH }],
  [0x32, { transport: "unixpacket", addressLength: UNIX_PATH_LENGTH }],
]);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a header off the front of a queue.
 *
 * @param queue Where the bytes are; the first is the first of the signature.
 * @param maxLength How long the header may be.
 * @returns The header, its bytes taken from the queue; `undefined`, and nothing taken, while it is incomplete.
 * @throws {ProxyHeaderError} As soon as the bytes that are there cannot become one.
 */
export function parseV2(queue: ByteQueue, maxLength: number): ProxyHeader | undefined {
  const prefix = queue.peek(Math.min(queue.length, PREFIX_LENGTH));
  for (let i = 0; i < V2_SIGNATURE.length && i < prefix.length; i++) {
    if (prefix[i] !== V2_SIGNATURE[i]) {
      throw proxyHeaderError("signature", "it does not begin as one");
    }
  }
  const [command, familyByte] = [prefix[12], prefix[13]];
  if (command === undefined) return undefined;
  if (command >> 4 !== 2) throw proxyHeaderError("version", `version ${command >> 4}, not 2`);
  if (command !== LOCAL && command !== PROXY) {
    throw proxyHeaderError("command", `command ${command & 15} is none`);
  }
  if (familyByte === undefined) return undefined;
  const family = FAMILIES.get(familyByte);
  if (command === PROXY && family === undefined) {
    throw proxyHeaderError("family", `family and protocol 0x${familyByte.toString(16)} are none`);
  }
  if (prefix.length < PREFIX_LENGTH) return undefined;
  const length = PREFIX_LENGTH + (prefix[14]! << 8 | prefix[15]!);
  if (length > maxLength) {
    throw proxyHeaderError("too-long", `${length} bytes, at most ${maxLength} are allowed`);
  }
  const { transport, addressLength } = family ?? FAMILIES.get(0)!;
  const addressesEnd = PREFIX_LENGTH + addressesLength(transport, addressLength);
  if (command === PROXY && length < addressesEnd) {
    throw proxyHeaderError("length", `${length} bytes, its addresses take ${addressesEnd}`);
  }
  if (queue.length < length) return undefined;
  // By the specification the whole block of a LOCAL header is skipped. A block of unspecified family may hold
  // addresses of unknown length, which must not be taken for TLVs.
  if (command === LOCAL || transport === undefined) {
    queue.skip(length);
    return new ProxyHeader({ command: command === LOCAL ? "local" : "proxy" });
  }
  // A copy: it lives as long as the connection, and must not keep a read buffer alive.
  const bytes = queue.take(length).slice();
  const { tlvs, checksum } = takeChecksum(bytes, parseTlvs(bytes.subarray(addressesEnd)));
  return new ProxyHeader({ ...parseAddresses(bytes, transport, addressLength), tlvs, checksum });
}

/**
 * Writes a header.
 *
 * @throws {RangeError} If its TLVs are longer than a header can be.
 */
export function writeV2(header: ProxyHeader): Uint8Array<ArrayBuffer> {
  const { tlvs } = header;
  const [source, destination] = inOneFamily(header);
  const sourceBytes = addressBytes(source);
  const addressLength = sourceBytes.length;
  const transport = source?.transport;
  const addressesEnd = PREFIX_LENGTH + addressesLength(transport, addressLength);
  const checksumLength = header.checksum ? TLV_PREFIX_LENGTH + 4 : 0;
  const length = addressesEnd + lengthOfTlvs(tlvs) + checksumLength;
  if (length > V2_MAX_LENGTH) {
    throw new RangeError(
      `Cannot write a PROXY protocol header: ${length} bytes, at most ${V2_MAX_LENGTH} are possible`,
    );
  }
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set(V2_SIGNATURE);
  bytes[12] = header.command === "local" ? LOCAL : PROXY;
  for (const [familyByte, family] of FAMILIES) {
    if (family.transport === transport && family.addressLength === addressLength) {
      bytes[13] = familyByte;
    }
  }
  view.setUint16(14, length - PREFIX_LENGTH);
  bytes.set(sourceBytes, PREFIX_LENGTH);
  bytes.set(addressBytes(destination), PREFIX_LENGTH + addressLength);
  if (source !== undefined && "port" in source) view.setUint16(addressesEnd - 4, source.port);
  if (destination !== undefined && "port" in destination) {
    view.setUint16(addressesEnd - 2, destination.port);
  }
  const end = writeTlvs(tlvs, bytes, addressesEnd);
  if (header.checksum) {
    writeTlvs([{ type: PROXY_TLV.CRC32C, value: new Uint8Array(4) }], bytes, end);
    view.setUint32(length - 4, crc32c(bytes));
  }
  return bytes;
}

/** How many bytes both addresses take, with their ports where there are any. */
function addressesLength(transport: Transport | undefined, addressLength: number): number {
  return 2 * addressLength + (transport === "tcp" || transport === "udp" ? 4 : 0);
}

/** Checks the checksum where there is one; leaves it and the padding out. */
function takeChecksum(
  bytes: Uint8Array<ArrayBuffer>,
  all: readonly ProxyTlv[],
): { tlvs: ProxyTlv[]; checksum: boolean } {
  const tlvs: ProxyTlv[] = [];
  let checksum = false;
  for (const tlv of all) {
    if (tlv.type === PROXY_TLV.CRC32C) {
      if (checksum || tlv.value.length !== 4) {
        throw proxyHeaderError("tlv", "not one checksum of 4 bytes");
      }
      checksum = true;
      // It was computed with zeros in its place. It is not needed afterwards.
      const { buffer, byteOffset } = tlv.value;
      const told = new DataView(buffer, byteOffset).getUint32(0);
      tlv.value.fill(0);
      if (crc32c(bytes) !== told) throw proxyHeaderError("checksum", "the checksum is not its own");
    } else if (tlv.type !== PROXY_TLV.NOOP) {
      tlvs.push(tlv);
    }
  }
  return { tlvs, checksum };
}

function parseAddresses(
  bytes: Uint8Array<ArrayBuffer>,
  transport: Transport | undefined,
  addressLength: number,
): { source?: NetworkAddress; destination?: NetworkAddress } {
  const middle = PREFIX_LENGTH + addressLength;
  const first = bytes.subarray(PREFIX_LENGTH, middle);
  const second = bytes.subarray(middle, middle + addressLength);
  if (transport === "tcp" || transport === "udp") {
    const ports = new DataView(bytes.buffer, bytes.byteOffset + middle + addressLength);
    const [from, to] = [ipAddressFromBytes(first), ipAddressFromBytes(second)];
    return {
      source: { transport, hostname: formatIpAddress(from), port: ports.getUint16(0) },
      destination: { transport, hostname: formatIpAddress(to), port: ports.getUint16(2) },
    };
  }
  if (transport === "unix" || transport === "unixpacket") {
    return {
      source: { transport, path: parsePath(first) },
      destination: { transport, path: parsePath(second) },
    };
  }
  return {};
}

function addressBytes(address: NetworkAddress | undefined): Uint8Array<ArrayBuffer> {
  if (address === undefined) return new Uint8Array(0);
  if ("hostname" in address) return ipAddressToBytes(parseIpAddress(address.hostname)!);
  const bytes = new Uint8Array(UNIX_PATH_LENGTH);
  if ("path" in address) bytes.set(encoder.encode(address.path));
  return bytes;
}

/** A path ends at its first zero byte; an abstract name begins with one and is padded with more. */
function parsePath(bytes: Uint8Array<ArrayBuffer>): string {
  let end = bytes.indexOf(0);
  if (end === 0) end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  try {
    return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  } catch {
    throw proxyHeaderError("address", "the path of a Unix socket is not UTF-8");
  }
}
