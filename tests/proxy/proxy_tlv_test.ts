import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ProxyHeader } from "../../src/proxy/proxy_header.ts";
import { ProxyHeaderError } from "../../src/proxy/proxy_header_error.ts";
import {
  lengthOfTlvs,
  parseTls,
  parseTlvs,
  PROXY_TLV,
  textOf,
  valueOf,
  writeTlvs,
} from "../../src/proxy/proxy_tlv.ts";
import { ADDRESS_BLOCK, assertHeaderRefused, headerBlock } from "../support/proxy_headers.ts";

Deno.test("parseTlvs() gives back what writeTlvs() wrote, and nothing of one that is cut off", () => {
  const tlvs = fc.array(
    fc.record({ type: fc.integer({ min: 0, max: 255 }), value: fc.uint8Array({ maxLength: 300 }) }),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(tlvs, (tlvs) => {
      const bytes = new Uint8Array(lengthOfTlvs(tlvs));
      assertEquals(writeTlvs(tlvs, bytes, 0), bytes.length);
      assertEquals(parseTlvs(bytes), tlvs);
      const ends = new Set<number>([0]);
      for (let i = 0, end = 0; i < tlvs.length; i++) ends.add(end += 3 + tlvs[i]!.value.length);
      for (let length = 0; length < bytes.length; length++) {
        if (ends.has(length)) assertEquals(lengthOfTlvs(parseTlvs(bytes.slice(0, length))), length);
        else assertThrows(() => parseTlvs(bytes.slice(0, length)), ProxyHeaderError, "behind");
      }
    }),
    { seed: 13, numRuns: 100 },
  );
});

Deno.test("valueOf() and textOf() give the first value of a type", () => {
  const tlvs = ["a", "é", "\ufeffb"].map((text, i) => ({
    type: i === 0 ? 1 : 2,
    value: new TextEncoder().encode(text),
  }));
  assertEquals([textOf(tlvs, 1), textOf(tlvs, 2), textOf(tlvs, 3)], ["a", "é", undefined]);
  assertEquals([valueOf(tlvs, 1), valueOf(tlvs, 3)], [Uint8Array.of(97), undefined]);
  assertEquals(textOf(tlvs.slice(2), 2), "\ufeffb");
});

Deno.test("parseTls() tells everything it was told", () => {
  const tls = parseTls(Uint8Array.of(0x01, 0, 0, 0, 0, 0x23, 0, 3, 65, 69, 83, 0x24, 0, 1, 88));
  assertEquals([tls.isSecure, tls.hasClientCertificate], [true, false]);
  assertEquals([tls.version, tls.commonName, tls.cipher], [undefined, undefined, "AES"]);
  assertEquals(textOf(tls.tlvs, PROXY_TLV.TLS_SIGNATURE_ALGORITHM), "X");
  assertEquals(parseTls(new Uint8Array(5)).isSecure, false);
});

Deno.test("parseTlvs() refuses triples that are cut off", () => {
  for (
    const tlvs of ["e0", "e000", "e00001", "e0000201", "e00001aa e0", "e00000 e10001", "e0ffff"]
  ) {
    assertHeaderRefused(headerBlock("2111", ADDRESS_BLOCK + tlvs), "tlv");
  }
  // TLS: shorter than its fixed part, and with a triple cut off inside.
  for (
    const tls of ["200000", "20000401000000", "200006 0100000000 21", "200009 0100000000 21000231"]
  ) {
    assertHeaderRefused(headerBlock("2111", ADDRESS_BLOCK + tls), "tlv");
  }
});

Deno.test("parseTls() believes no client without a certificate that was checked", () => {
  const verified = (...value: number[]) =>
    new ProxyHeader({ tlvs: [{ type: PROXY_TLV.TLS, value: Uint8Array.from(value) }] }).tls!
      .isClientVerified;
  assertEquals(verified(0x01, 0, 0, 0, 0), false);
  assertEquals(verified(0x03, 0, 0, 0, 1), false);
  assertEquals(verified(0x03, 1, 0, 0, 0), false);
  assertEquals(verified(0x03, 0, 0, 0, 0), true);
  assertEquals(verified(0x05, 0, 0, 0, 0), true);
});
