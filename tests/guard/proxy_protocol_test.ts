import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/byte_queue.ts";
import { SocketError } from "../../src/errors.ts";
import { crc32c } from "../../src/guard/crc32c.ts";
import { ProxyHeader } from "../../src/guard/proxy_header.ts";
import { ProxyHeaderError, type ProxyHeaderProblem } from "../../src/guard/proxy_header_error.ts";
import { parseProxyHeader, writeProxyHeader } from "../../src/guard/proxy_protocol.ts";
import { fuzzProxyHeaders } from "../fuzz/proxy_header.ts";
import { piecewise, v1Configs, v2Configs } from "../support/proxy_headers.ts";

const MAX_LENGTH = 4_096;
const DATA = new TextEncoder().encode("PROXY \r\n\r\n data behind the header");

function parse(bytes: Uint8Array<ArrayBuffer>, maxLength = MAX_LENGTH): ProxyHeader | undefined {
  const queue = new ByteQueue();
  queue.push(bytes);
  return parseProxyHeader(queue, maxLength);
}

function assertRefused(bytes: Uint8Array<ArrayBuffer>, problem: ProxyHeaderProblem): void {
  const error = assertThrows(() => parse(bytes), ProxyHeaderError);
  assertEquals(error.problem, problem, error.message);
  assert(error instanceof SocketError);
  assertEquals(error.code, "frame");
}

function line(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A version 2 header of hexadecimal digits, its length filled in. */
function block(commandAndFamily: string, body: string): Uint8Array<ArrayBuffer> {
  const digits = body.replaceAll(" ", "");
  const length = (digits.length / 2).toString(16).padStart(4, "0");
  return Uint8Array.fromHex(`0d0a0d0a000d0a515549540a${commandAndFamily}${length}${digits}`);
}

const ADDRESSES = "c0000201 c6336401 dc04 01bb";

Deno.test("parseProxyHeader() gives back what writeProxyHeader() wrote, however it is cut", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.oneof(v1Configs, v2Configs), sizes, (config, sizes) => {
      const header = new ProxyHeader(config);
      const bytes = writeProxyHeader(header);
      const all = Uint8Array.of(...bytes, ...DATA);
      let parsed: ProxyHeader | undefined;
      let fed = 0;
      for (const queue of piecewise(all, sizes)) {
        fed = queue.length;
        parsed = parseProxyHeader(queue, MAX_LENGTH);
        if (parsed === undefined) {
          assertEquals(queue.length, fed);
          continue;
        }
        // Exactly the header is gone, and it was taken as soon as it was there.
        assertEquals(queue.length, fed - bytes.length);
        assertEquals([...queue.takeAll()], [...all.subarray(bytes.length, fed)]);
        break;
      }
      assertEquals(parsed, header);
      assert(fed < bytes.length + Math.max(...sizes));
    }),
    { seed: 10, numRuns: 2_000 },
  );
});

Deno.test("parseProxyHeader() waits at every truncation of a header", () => {
  fc.assert(
    fc.property(fc.oneof(v1Configs, v2Configs), (config) => {
      const bytes = writeProxyHeader(new ProxyHeader(config));
      for (let length = 0; length < bytes.length; length++) {
        assertEquals(parse(bytes.slice(0, length)), undefined, `${length} of ${bytes.length}`);
      }
    }),
    { seed: 11, numRuns: 100 },
  );
});

Deno.test("parseProxyHeader() refuses a wrong byte in a signature as soon as it comes", () => {
  for (const header of [line("PROXY TCP4 "), block("2111", "")]) {
    const signatureLength = header[0] === 0x50 ? 6 : 12;
    for (let at = 0; at < signatureLength; at++) {
      const bytes = header.slice(0, at + 1);
      // Neither version's byte.
      bytes[at] = 0x47;
      assertRefused(bytes, "signature");
    }
  }
  assertRefused(line("GET / HTTP/1.1\r\n\r\n"), "signature");
  assertRefused(line("proxy TCP4 "), "signature");
  assertRefused(line("\n"), "signature");
});

Deno.test("parseProxyHeader() reads the lines of the specification", () => {
  const header = parse(
    line("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n"),
  )!;
  assertEquals(header.version, 1);
  assertEquals(header.command, "proxy");
  assertEquals(header.source, { transport: "tcp", hostname: "192.168.0.1", port: 56324 });
  assertEquals(header.destination, { transport: "tcp", hostname: "192.168.0.11", port: 443 });
  assertEquals(header.tlvs, []);

  const widest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const longest = line(`PROXY UNKNOWN ${widest} ${widest} 65535 65535\r\n`);
  assertEquals(longest.length, 107);
  assertEquals(parse(longest), new ProxyHeader({ version: 1 }));
  assertEquals(parse(line("PROXY UNKNOWN\r\n")), new ProxyHeader({ version: 1 }));
  assertEquals(parse(line("PROXY UNKNOWN \r\n")), new ProxyHeader({ version: 1 }));
  assertEquals(parse(line("PROXY UNKNOWN \n\r\xff \r\n")), new ProxyHeader({ version: 1 }));
  const six = parse(line(`PROXY TCP6 ${widest} 2001:DB8::1 65535 0\r\n`))!;
  assertEquals(six.source, { transport: "tcp", hostname: widest, port: 65535 });
  assertEquals(six.destination, { transport: "tcp", hostname: "2001:db8::1", port: 0 });
  // What inet_ntop writes, and so HAProxy.
  const mapped = parse(line("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"))!;
  assertEquals(mapped.source, { transport: "tcp", hostname: "::ffff:192.0.2.1", port: 1 });
});

Deno.test("parseProxyHeader() refuses every line that is not exactly one", () => {
  const wrong: [string, ProxyHeaderProblem][] = [
    ["PROXY  ", "family"],
    ["PROXY T ", "family"],
    ["PROXY TCP5", "family"],
    ["PROXY UDP4", "family"],
    ["PROXY TCP4\r", "family"],
    ["PROXY UNKNOWNX", "family"],
    ["PROXY UNKNOWN\r\r", "family"],
    ["PROXY UNKNOWN\n", "family"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rX", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n\r\n", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n", "line"],
    ["PROXY TCP4 1.2.3.4  1.2.3.4 1 1\r\n", "line"],
    ["PROXY TCP4 \r\n", "line"],
    ["PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n", "address"],
    ["PROXY TCP4 1.2.3.4 1.2.3.256 1 1\r\n", "address"],
    ["PROXY TCP4 ::1 ::1 1 1\r\n", "address"],
    ["PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", "address"],
    ["PROXY TCP6 ::1 fe80::1%lo 1 1\r\n", "address"],
    ["PROXY TCP4 localhost 1.2.3.4 1 1\r\n", "address"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n", "port"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 01\r\n", "port"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n", "port"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n", "port"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1e1 1\r\n", "port"],
    [`PROXY TCP4 ${"1".repeat(96)}`, "too-long"],
    [`PROXY UNKNOWN ${"x".repeat(93)}`, "too-long"],
    [`PROXY UNKNOWN ${"x".repeat(92)}\r\n`, "too-long"],
  ];
  for (const [text, problem] of wrong) assertRefused(line(text), problem);
});

Deno.test("parseProxyHeader() reads blocks of every family", () => {
  const tcp4 = parse(block("2111", ADDRESSES))!;
  assertEquals(tcp4.version, 2);
  assertEquals(tcp4.source, { transport: "tcp", hostname: "192.0.2.1", port: 56324 });
  assertEquals(tcp4.destination, { transport: "tcp", hostname: "198.51.100.1", port: 443 });
  assertEquals(parse(block("2112", ADDRESSES))!.source?.transport, "udp");
  const hosts = "20010db8 00000000 00000000 00000001 00000000 00000000 00000000 00000001";
  assertEquals(parse(block("2121", `${hosts} 0001 0002`))!.source, {
    transport: "tcp",
    hostname: "2001:db8::1",
    port: 1,
  });
  assertEquals(parse(block("2122", `${hosts} 0001 0002`))!.destination, {
    transport: "udp",
    hostname: "::1",
    port: 2,
  });
  const named = "2f612e736f636b".padEnd(216, "0");
  // What is left in a buffer behind the path is not part of it.
  const reused = "2f6100ff62".padEnd(216, "0");
  assertEquals(parse(block("2131", named + reused))!.source, {
    transport: "unix",
    path: "/a.sock",
  });
  assertEquals(parse(block("2131", named + reused))!.destination, {
    transport: "unix",
    path: "/a",
  });
  const abstract = "00616200".padEnd(216, "0");
  const full = "61".repeat(108);
  const packet = parse(block("2132", abstract + full))!;
  assertEquals(packet.source, { transport: "unixpacket", path: "\0ab" });
  assertEquals(packet.destination, { transport: "unixpacket", path: "a".repeat(108) });
  assertEquals(parse(block("2100", "")), new ProxyHeader({}));
});

Deno.test("parseProxyHeader() skips the whole block of a LOCAL header, whatever is in it", () => {
  const local = new ProxyHeader({ command: "local" });
  assertEquals(parse(block("2000", "")), local);
  assertEquals(parse(block("2011", ADDRESSES)), local);
  assertEquals(parse(block("2011", "ff")), local);
  assertEquals(parse(block("20ff", "ffffff")), local);
  // A checksum that is wrong, and a length that is not there.
  assertEquals(parse(block("2000", "030004ffffffff")), local);
  assertEquals(parse(block("2000", "ffffffff").slice(0, 18)), undefined);
});

Deno.test("parseProxyHeader() refuses blocks with anything undefined in them", () => {
  for (const version of ["01", "11", "31", "f1", "10"]) {
    assertRefused(block(`${version}11`, ADDRESSES), "version");
  }
  for (const command of ["22", "2f"]) assertRefused(block(`${command}11`, ADDRESSES), "command");
  const families = ["01", "02", "10", "13", "1f", "20", "23", "30", "33", "40", "41", "f1", "ff"];
  for (const family of families) assertRefused(block(`21${family}`, ADDRESSES), "family");
  // As soon as the byte is there.
  assertRefused(block("3111", "").slice(0, 13), "version");
  assertRefused(block("2f11", "").slice(0, 13), "command");
  assertRefused(block("2199", "").slice(0, 14), "family");
});

Deno.test("parseProxyHeader() refuses a length that is too short for the addresses or longer than allowed", () => {
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
      assertRefused(block(`21${family}`, "00".repeat(shorter)).slice(0, 16), "length");
    }
    assert(parse(block(`21${family}`, "00".repeat(length))) !== undefined);
  }
  const noop = "04 0040" + "00".repeat(64);
  const padded = block("2111", ADDRESSES + noop);
  assertEquals(parse(padded, padded.length)?.tlvs, []);
  const error = assertThrows(() => parse(padded, padded.length - 1), ProxyHeaderError);
  assertEquals(error.problem, "too-long");
  // Nothing of what it announces has to come, also of one that would be skipped.
  assertRefused(Uint8Array.fromHex("0d0a0d0a000d0a515549540a2111ffff"), "too-long");
  assertRefused(Uint8Array.fromHex("0d0a0d0a000d0a515549540a2000ffff"), "too-long");
});

Deno.test("parseProxyHeader() refuses triples that are cut off", () => {
  for (
    const tlvs of ["e0", "e000", "e00001", "e0000201", "e00001aa e0", "e00000 e10001", "e0ffff"]
  ) {
    assertRefused(block("2111", ADDRESSES + tlvs), "tlv");
    assertRefused(block("2100", tlvs), "tlv");
  }
  // TLS: shorter than its fixed part, and with a triple cut off inside.
  for (
    const tls of ["200000", "20000401000000", "200006 0100000000 21", "200009 0100000000 21000231"]
  ) {
    assertRefused(block("2111", ADDRESSES + tls), "tlv");
  }
});

Deno.test("parseProxyHeader() takes a header whose checksum is right, and no other", () => {
  fc.assert(
    fc.property(v2Configs, fc.nat(), fc.integer({ min: 1, max: 255 }), (config, at, change) => {
      if (config.command === "local") return;
      const bytes = writeProxyHeader(new ProxyHeader({ ...config, checksum: true }));
      assertEquals(parse(bytes)?.checksum, true);
      // Not the length and what is before it: that is told as something else.
      const place = 16 + at % (bytes.length - 16);
      bytes[place]! ^= change;
      let parsed: ProxyHeader | undefined;
      try {
        parsed = parse(bytes);
      } catch (error) {
        assert(error instanceof ProxyHeaderError);
        return;
      }
      // The change made it another kind of triple: then it says that there was no checksum.
      assertEquals(parsed?.checksum, false);
    }),
    { seed: 12, numRuns: 1_000 },
  );
  assertRefused(block("2111", `${ADDRESSES} 030004 00000000`), "checksum");
  assertRefused(block("2111", `${ADDRESSES} 030003 000000`), "tlv");
  assertRefused(block("2111", `${ADDRESSES} 030005 0000000000`), "tlv");
  // Two of them, the first of which is right.
  const twice = block("2111", `${ADDRESSES} 030004 00000000 030004 00000000`);
  new DataView(twice.buffer).setUint32(31, crc32c(twice));
  assertRefused(twice, "tlv");
});

Deno.test("writeProxyHeader() refuses what no header can hold", () => {
  const value = new Uint8Array(0xffff);
  const fits = new ProxyHeader({ tlvs: [{ type: 0xe0, value: value.subarray(3) }] });
  const written = writeProxyHeader(fits);
  assertEquals(written.length, 65_551);
  assertEquals(parse(written, 65_551), fits);
  const tooLong = new ProxyHeader({ tlvs: [{ type: 0xe0, value: value.subarray(2) }] });
  assertThrows(() => writeProxyHeader(tooLong), RangeError, "65552 bytes, at most 65551");
});

Deno.test("parseProxyHeader() keeps no buffer alive that it was fed from", () => {
  const header = new ProxyHeader({ tlvs: [{ type: 0xe0, value: Uint8Array.of(1, 2) }] });
  const buffer = new Uint8Array(65_536);
  const bytes = writeProxyHeader(header);
  buffer.set(bytes, 100);
  const parsed = parse(buffer.subarray(100, 100 + bytes.length))!;
  buffer.fill(9);
  assertEquals(parsed.tlvs, header.tlvs);
  assertEquals(parsed.tlvs[0]!.value.buffer.byteLength, bytes.length);
});

Deno.test("parseProxyHeader() judges made-up headers as the reference does", () => {
  const tally = fuzzProxyHeaders(5_000, 7);
  assert(tally.headers > 500 && tally.waiting > 200, JSON.stringify(tally));
  assert(Object.keys(tally.refused).length >= 10, JSON.stringify(tally));
});
