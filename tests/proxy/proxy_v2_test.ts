import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { crc32c } from "../../src/proxy/crc32c.ts";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { ProxyHeader } from "../../src/proxy/proxy_header.ts";
import { ProxyHeaderError } from "../../src/proxy/proxy_header_error.ts";
import { writeProxyHeader } from "../../src/proxy/proxy_protocol.ts";
import { parseV2 } from "../../src/proxy/proxy_v2.ts";
import {
  ADDRESS_BLOCK,
  ADDRESSES,
  assertHeaderRefused,
  headerBlock,
  parseHeader,
  v2Configs,
} from "../support/proxy_headers.ts";

Deno.test("parseV2() reads blocks of every family", () => {
  const tcp4 = parseHeader(headerBlock("2111", ADDRESS_BLOCK))!;
  assertEquals(tcp4.version, 2);
  assertEquals(tcp4.source, { transport: "tcp", hostname: "192.0.2.1", port: 56324 });
  assertEquals(tcp4.destination, { transport: "tcp", hostname: "198.51.100.1", port: 443 });
  assertEquals(parseHeader(headerBlock("2112", ADDRESS_BLOCK))!.source?.transport, "udp");
  const hosts = "20010db8 00000000 00000000 00000001 00000000 00000000 00000000 00000001";
  assertEquals(parseHeader(headerBlock("2121", `${hosts} 0001 0002`))!.source, {
    transport: "tcp",
    hostname: "2001:db8::1",
    port: 1,
  });
  assertEquals(parseHeader(headerBlock("2122", `${hosts} 0001 0002`))!.destination, {
    transport: "udp",
    hostname: "::1",
    port: 2,
  });
  const named = "2f612e736f636b".padEnd(216, "0");
  // What is left in a buffer behind the path is not part of it.
  const reused = "2f6100ff62".padEnd(216, "0");
  assertEquals(parseHeader(headerBlock("2131", named + reused))!.source, {
    transport: "unix",
    path: "/a.sock",
  });
  assertEquals(parseHeader(headerBlock("2131", named + reused))!.destination, {
    transport: "unix",
    path: "/a",
  });
  const abstract = "00616200".padEnd(216, "0");
  const full = "61".repeat(108);
  const packet = parseHeader(headerBlock("2132", abstract + full))!;
  assertEquals(packet.source, { transport: "unixpacket", path: "\0ab" });
  assertEquals(packet.destination, { transport: "unixpacket", path: "a".repeat(108) });
  assertEquals(parseHeader(headerBlock("2100", "")), new ProxyHeader({}));
});

Deno.test("parseV2() skips the whole block of a LOCAL header, whatever is in it", () => {
  const local = new ProxyHeader({ command: "local" });
  assertEquals(parseHeader(headerBlock("2000", "")), local);
  assertEquals(parseHeader(headerBlock("2011", ADDRESS_BLOCK)), local);
  assertEquals(parseHeader(headerBlock("2011", "ff")), local);
  assertEquals(parseHeader(headerBlock("20ff", "ffffff")), local);
  // A wrong checksum, and a missing length.
  assertEquals(parseHeader(headerBlock("2000", "030004ffffffff")), local);
  assertEquals(parseHeader(headerBlock("2000", "ffffffff").slice(0, 18)), undefined);
});

Deno.test("parseV2() skips the whole block of a header without family, addresses and all", () => {
  const unspecified = new ProxyHeader({});
  const zeros = "00".repeat(36);
  // Addresses, triples, a wrong checksum, a triple that is cut off: they cannot be told apart.
  for (const body of ["", ADDRESS_BLOCK, zeros, "020001 61", "030004 ffffffff", "e0ffff", "ff"]) {
    const bytes = headerBlock("2100", body);
    assertEquals(parseHeader(bytes), unspecified);
    const queue = new ByteQueue();
    queue.push(Uint8Array.of(...bytes, 1, 2, 3));
    parseV2(queue, bytes.length);
    assertEquals([...queue.takeAll()], [1, 2, 3]);
    for (let length = 0; length < bytes.length; length++) {
      assertEquals(parseHeader(bytes.slice(0, length)), undefined);
    }
    if (body !== "") {
      const error = assertThrows(() => parseHeader(bytes, bytes.length - 1), ProxyHeaderError);
      assertEquals(error.problem, "too-long");
    }
  }
  // The longest that there is.
  assertEquals(parseHeader(headerBlock("2100", "04".repeat(0xffff)), 65_551), unspecified);
});

Deno.test("parseV2() refuses blocks with anything undefined in them", () => {
  for (const version of ["01", "11", "31", "f1", "10"]) {
    assertHeaderRefused(headerBlock(`${version}11`, ADDRESS_BLOCK), "version");
  }
  for (const command of ["22", "2f"]) {
    assertHeaderRefused(headerBlock(`${command}11`, ADDRESS_BLOCK), "command");
  }
  const families = ["01", "02", "10", "13", "1f", "20", "23", "30", "33", "40", "41", "f1", "ff"];
  for (const family of families) {
    assertHeaderRefused(headerBlock(`21${family}`, ADDRESS_BLOCK), "family");
  }
  // As soon as the byte is there.
  assertHeaderRefused(headerBlock("3111", "").slice(0, 13), "version");
  assertHeaderRefused(headerBlock("2f11", "").slice(0, 13), "command");
  assertHeaderRefused(headerBlock("2199", "").slice(0, 14), "family");
});

Deno.test("parseV2() refuses a length that is too short for the addresses or longer than allowed", () => {
  const lengths: [family: string, length: number][] = [
    ["11", 12],
    ["12", 12],
    ["21", 36],
    [
      "22",
      36,
    ],
    ["31", 216],
    ["32", 216],
  ];
  for (const [family, length] of lengths) {
    for (let shorter = 0; shorter < length; shorter++) {
      assertHeaderRefused(headerBlock(`21${family}`, "00".repeat(shorter)).slice(0, 16), "length");
    }
    assert(parseHeader(headerBlock(`21${family}`, "00".repeat(length))) !== undefined);
  }
  const noop = "04 0040" + "00".repeat(64);
  const padded = headerBlock("2111", ADDRESS_BLOCK + noop);
  assertEquals(parseHeader(padded, padded.length)?.tlvs, []);
  const error = assertThrows(() => parseHeader(padded, padded.length - 1), ProxyHeaderError);
  assertEquals(error.problem, "too-long");
  // Nothing that it announces has to arrive, even where it would be skipped.
  assertHeaderRefused(Uint8Array.fromHex("0d0a0d0a000d0a515549540a2111ffff"), "too-long");
  assertHeaderRefused(Uint8Array.fromHex("0d0a0d0a000d0a515549540a2000ffff"), "too-long");
});

Deno.test("parseV2() takes a header whose checksum is right, and no other", () => {
  fc.assert(
    fc.property(v2Configs, fc.nat(), fc.integer({ min: 1, max: 255 }), (config, at, change) => {
      if (config.source === undefined) return;
      const bytes = writeProxyHeader(new ProxyHeader({ ...config, checksum: true }));
      assertEquals(parseHeader(bytes)?.checksum, true);
      // Neither the length nor what precedes it, which has errors of its own.
      const place = 16 + at % (bytes.length - 16);
      bytes[place]! ^= change;
      let parsed: ProxyHeader | undefined;
      try {
        parsed = parseHeader(bytes);
      } catch (error) {
        assert(error instanceof ProxyHeaderError);
        return;
      }
      // The change made it another kind of triple: then it says that there was no checksum.
      assertEquals(parsed?.checksum, false);
    }),
    { seed: 12, numRuns: 1_000 },
  );
  assertHeaderRefused(headerBlock("2111", `${ADDRESS_BLOCK} 030004 00000000`), "checksum");
  assertHeaderRefused(headerBlock("2111", `${ADDRESS_BLOCK} 030003 000000`), "tlv");
  assertHeaderRefused(headerBlock("2111", `${ADDRESS_BLOCK} 030005 0000000000`), "tlv");
  // Two of them, the first of which is right.
  const twice = headerBlock("2111", `${ADDRESS_BLOCK} 030004 00000000 030004 00000000`);
  new DataView(twice.buffer).setUint32(31, crc32c(twice));
  assertHeaderRefused(twice, "tlv");
});

Deno.test("writeV2() refuses what no header can hold", () => {
  const value = new Uint8Array(0xffff);
  const fits = new ProxyHeader({
    ...ADDRESSES,
    tlvs: [{ type: 0xe0, value: value.subarray(15) }],
  });
  const written = writeProxyHeader(fits);
  assertEquals(written.length, 65_551);
  assertEquals(parseHeader(written, 65_551), fits);
  const tooLong = new ProxyHeader({
    ...ADDRESSES,
    tlvs: [{ type: 0xe0, value: value.subarray(14) }],
  });
  assertThrows(() => writeProxyHeader(tooLong), RangeError, "65552 bytes, at most 65551");
});

Deno.test("parseV2() keeps no buffer alive that it was fed from", () => {
  const header = new ProxyHeader({
    ...ADDRESSES,
    tlvs: [{ type: 0xe0, value: Uint8Array.of(1, 2) }],
  });
  const buffer = new Uint8Array(65_536);
  const bytes = writeProxyHeader(header);
  buffer.set(bytes, 100);
  const parsed = parseHeader(buffer.subarray(100, 100 + bytes.length))!;
  buffer.fill(9);
  assertEquals(parsed.tlvs, header.tlvs);
  assertEquals(parsed.tlvs[0]!.value.buffer.byteLength, bytes.length);
});
