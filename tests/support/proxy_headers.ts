// PROXY protocol headers: arbitrary ones, ones of text and of digits, and ways to read them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { SocketError } from "../../src/base/errors.ts";
import { inOneFamily, ProxyHeader, type ProxyHeaderConfig } from "../../src/proxy/proxy_header.ts";
import { ProxyHeaderError, type ProxyHeaderProblem } from "../../src/proxy/proxy_header_error.ts";
import { parseProxyHeader } from "../../src/proxy/proxy_protocol.ts";
import type { NetworkAddress } from "../../src/base/address.ts";

export const MAX_HEADER_LENGTH = 4_096;

/** 192.0.2.1 port 56324 to 198.51.100.1 port 443, as a block has them. */
export const ADDRESS_BLOCK = "c0000201 c6336401 dc04 01bb";
/** The same addresses. */
export const ADDRESSES: Required<Pick<ProxyHeaderConfig, "source" | "destination">> = {
  source: { transport: "tcp", hostname: "192.0.2.1", port: 56324 },
  destination: { transport: "tcp", hostname: "198.51.100.1", port: 443 },
};

/** Reads a header that has arrived whole. */
export function parseHeader(
  bytes: Uint8Array<ArrayBuffer>,
  maxLength = MAX_HEADER_LENGTH,
): ProxyHeader | undefined {
  const queue = new ByteQueue();
  queue.push(bytes);
  return parseProxyHeader(queue, maxLength);
}

/** A header as its readers get it: addresses in one family, and without addresses nothing else. */
export function asRead(header: ProxyHeader): ProxyHeader {
  const [source, destination] = inOneFamily(header);
  const { version, command, tlvs, checksum } = header;
  if (source === undefined) return new ProxyHeader({ version, command });
  return new ProxyHeader({ version, command, source, destination, tlvs, checksum });
}

/** Checks that bytes are refused, with the problem that a program can test for. */
export function assertHeaderRefused(
  bytes: Uint8Array<ArrayBuffer>,
  problem: ProxyHeaderProblem,
): void {
  const error = assertThrows(() => parseHeader(bytes), ProxyHeaderError);
  assertEquals(error.problem, problem, error.message);
  assert(error instanceof SocketError);
  assertEquals(error.code, "frame");
}

/** One byte for each character. */
export function headerLine(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A version 2 header of hexadecimal digits, its length filled in. */
export function headerBlock(commandAndFamily: string, body: string): Uint8Array<ArrayBuffer> {
  const digits = body.replaceAll(" ", "");
  const length = (digits.length / 2).toString(16).padStart(4, "0");
  return Uint8Array.fromHex(`0d0a0d0a000d0a515549540a${commandAndFamily}${length}${digits}`);
}

const port = fc.integer({ min: 0, max: 65535 });

function ipPair(transport: "tcp" | "udp"): fc.Arbitrary<[NetworkAddress, NetworkAddress]> {
  const of = (hostname: fc.Arbitrary<string>): fc.Arbitrary<NetworkAddress> =>
    fc.record({ transport: fc.constant(transport), hostname, port });
  const ipv6 = fc.oneof(fc.ipV6(), fc.constantFrom("::", "::1", "::ffff:192.0.2.1", "2001:db8::"));
  return fc.oneof(
    fc.tuple(of(fc.ipV4()), of(fc.ipV4())),
    fc.tuple(of(ipv6), of(ipv6)),
    fc.tuple(of(fc.ipV4()), of(ipv6)),
  );
}

const path = fc.string({ unit: "grapheme", maxLength: 20 })
  .filter((text) => !text.includes("\0") && new TextEncoder().encode(text).length <= 107)
  .chain((text) => fc.constantFrom(text, text === "" ? "" : `\0${text}`));

const unixPair = fc.constantFrom("unix" as const, "unixpacket" as const).chain((transport) => {
  const address = fc.record({ transport: fc.constant(transport), path });
  return fc.tuple(address, address);
});

const tlv = fc.record({
  type: fc.integer({ min: 0, max: 255 }).filter((type) => ![0x03, 0x04, 0x20].includes(type)),
  value: fc.uint8Array({ maxLength: 60 }),
});

/** Version 1 headers. */
export const v1Configs: fc.Arbitrary<ProxyHeaderConfig> = fc.option(ipPair("tcp")).map((pair) => ({
  version: 1,
  ...(pair === null ? {} : { source: pair[0], destination: pair[1] }),
}));

/** Version 2 headers. */
export const v2Configs: fc.Arbitrary<ProxyHeaderConfig> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ command: "local" } as const) },
  {
    weight: 12,
    arbitrary: fc.record({
      pair: fc.option(fc.oneof(ipPair("tcp"), ipPair("udp"), unixPair)),
      tlvs: fc.array(tlv, { maxLength: 4 }),
      checksum: fc.boolean(),
    }).map(({ pair, tlvs, checksum }) => ({
      tlvs,
      checksum,
      ...(pair === null ? {} : { source: pair[0]!, destination: pair[1]! }),
    })),
  },
);

/** Puts pieces of the bytes in a queue, one after the other; `sizes` repeats. */
export function* piecewise(
  bytes: Uint8Array<ArrayBuffer>,
  sizes: readonly number[],
): Generator<ByteQueue> {
  const queue = new ByteQueue();
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    queue.push(bytes.slice(at, at + size));
    at += size;
    yield queue;
  }
}
