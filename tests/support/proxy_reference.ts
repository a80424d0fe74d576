// A PROXY protocol parser in the most obvious way, to compare the real one with: it looks at all bytes at once, only
// tells valid from invalid, and shares no code with it.

import { isIPv4, isIPv6 } from "node:net";

const ADDRESS_LENGTHS: Record<number, number> = {
  0x00: 0,
  0x11: 12,
  0x12: 12,
  0x21: 36,
  0x22: 36,
  0x31: 216,
  0x32: 216,
};

/** The length of the header that the bytes begin with; `undefined` where they begin with none. */
export function referenceHeaderLength(bytes: Uint8Array, maxLength: number): number | undefined {
  const text = [...bytes.subarray(0, 107)].map((byte) => String.fromCharCode(byte)).join("");
  return text.startsWith("PROXY ") ? lineLength(text) : blockLength(bytes, maxLength);
}

function lineLength(text: string): number | undefined {
  const unknown = /^PROXY UNKNOWN(?: [^]*?)?\r\n/.exec(text);
  if (unknown !== null) return unknown[0].length;
  const tcp = /^PROXY (TCP4|TCP6) ([^ \r\n]+) ([^ \r\n]+) ([0-9]+) ([0-9]+)\r\n/.exec(text);
  if (tcp === null) return undefined;
  const [line, family, from, to, ...ports] = tcp as unknown as string[];
  for (const address of [from!, to!]) {
    // Zones are the one thing that the system accepts and the protocol does not.
    if (!isIPv4(address) && !isIPv6(address)) return undefined;
    if (address.includes("%")) return undefined;
  }
  if (isIPv4(from!) !== (family === "TCP4")) return undefined;
  for (const port of ports) {
    if (Number(port) > 65535 || String(Number(port)) !== port) return undefined;
  }
  return line!.length;
}

function blockLength(bytes: Uint8Array, maxLength: number): number | undefined {
  const hex = [...bytes.subarray(0, 12)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== "0d0a0d0a000d0a515549540a" || bytes.length < 16) return undefined;
  const [command, family] = [bytes[12]!, bytes[13]!];
  const length = 16 + bytes[14]! * 256 + bytes[15]!;
  if (length > maxLength || bytes.length < length) return undefined;
  if (command === 0x20 || command === 0x21 && family === 0) return length;
  const addresses = ADDRESS_LENGTHS[family];
  if (command !== 0x21 || addresses === undefined) return undefined;
  if (family >> 4 === 3) {
    for (const start of [16, 124]) if (!isPath(bytes.slice(start, start + 108))) return undefined;
  }
  return hasGoodTlvs(bytes.slice(0, length), 16 + addresses) ? length : undefined;
}

function isPath(bytes: Uint8Array): boolean {
  const isAbstract = bytes[0] === 0;
  let end = 108;
  if (isAbstract) { while (end > 0 && bytes[end - 1] === 0) end--; }
  else if (bytes.includes(0)) end = bytes.indexOf(0);
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes.slice(0, end));
    return true;
  } catch {
    return false;
  }
}

function hasGoodTlvs(bytes: Uint8Array, start: number): boolean {
  const checksums: number[] = [];
  let isGood = true;
  const end = walk(bytes, start, (type, from, to) => {
    if (type === 3) {
      checksums.push(from);
      if (to - from !== 4) isGood = false;
    }
  });
  const firstTls = find(bytes, start, 0x20);
  if (firstTls !== undefined) {
    const [from, to] = firstTls;
    if (to - from < 5 || walk(bytes.slice(0, to), from + 5, () => {}) !== to) isGood = false;
  }
  if (end !== bytes.length || !isGood || checksums.length > 1) return false;
  if (checksums[0] === undefined) return true;
  const told = new DataView(bytes.buffer).getUint32(checksums[0]);
  bytes.fill(0, checksums[0], checksums[0] + 4);
  return slowCrc32c(bytes) === told;
}

/** Calls back for each triple and returns where the last one ends, or -1 where it is cut off. */
function walk(
  bytes: Uint8Array,
  start: number,
  visit: (type: number, from: number, to: number) => void,
): number {
  let at = start;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return -1;
    const to = at + 3 + bytes[at + 1]! * 256 + bytes[at + 2]!;
    if (to > bytes.length) return -1;
    visit(bytes[at]!, at + 3, to);
    at = to;
  }
  return at;
}

function find(bytes: Uint8Array, start: number, wanted: number): [number, number] | undefined {
  let found: [number, number] | undefined;
  walk(bytes, start, (type, from, to) => {
    if (type === wanted) found ??= [from, to];
  });
  return found;
}

function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
