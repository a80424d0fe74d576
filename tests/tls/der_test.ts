import { assertEquals, assertThrows } from "@std/assert";
import { DerError, DerReader, hexOf, oidText, TAG } from "../../src/tls/der.ts";
import { der, oid } from "../support/raw_certificates.ts";

Deno.test("DerReader reads values one after the other, and enters those that have parts", () => {
  const reader = new DerReader(
    Uint8Array.from([...der(0x30, der(0x02, [5])), ...der(0x04, new Uint8Array(300))]),
  );
  const inner = reader.enter(TAG.SEQUENCE);
  assertEquals(inner.readIf(TAG.BOOLEAN), undefined);
  assertEquals([...inner.readIf(TAG.INTEGER)!.content], [5]);
  assertEquals(inner.isAtEnd, true);
  assertEquals(inner.readIf(TAG.INTEGER), undefined);
  inner.end();
  assertThrows(() => reader.end(), DerError, "behind the last");
  assertEquals(reader.rest.length, 304);
  const { tag, content, whole } = reader.read();
  assertEquals([tag, content.length, whole.length], [TAG.OCTET_STRING, 300, 304]);
  reader.end();
});

Deno.test("DerReader refuses what may be read in two ways or leaves its bounds", () => {
  const cases: readonly (readonly [string, number[], string])[] = [
    ["nothing", [], "missing"],
    ["no length", [0x04], "missing"],
    ["cut off", [0x04, 3, 1, 2], "cut off"],
    ["a cut length", [0x04, 0x82, 1], "missing"],
    ["an open length", [0x30, 0x80, 0, 0], "open or too large"],
    ["a length that is too large", [0x04, 0x84, 0, 0, 0, 1, 9], "open or too large"],
    [
      "a long length for a short one",
      [0x04, 0x81, 0x7f, ...new Uint8Array(0x7f)],
      "not the shortest",
    ],
    ["a length with zeros", [0x04, 0x82, 0, 0x80, ...new Uint8Array(0x80)], "not the shortest"],
    ["a long tag", [0x1f, 0x81, 1, 0], "tag is too long"],
  ];
  for (const [name, bytes, told] of cases) {
    assertThrows(() => new DerReader(Uint8Array.from(bytes)).read(), DerError, told, name);
  }
  assertThrows(() => new DerReader(der(0x02, [1])).read(TAG.OID), DerError, "tag 2 stands where 6");
});

Deno.test("DerReader ends on every input, whatever it is", () => {
  const certificate = der(0x30, der(0x31, der(0x30, oid("2.5.4.3"), der(0x0c, [65, 66, 67]))));
  for (let at = 0; at < certificate.length; at++) {
    for (let byte = 0; byte < 256; byte++) {
      const changed = certificate.slice();
      changed[at] = byte;
      readAll(changed, 0);
    }
  }
  assertEquals(readAll(certificate, 0), 5);
});

/** How many values can be read. */
function readAll(bytes: Uint8Array, depth: number): number {
  const reader = new DerReader(bytes);
  let count = 0;
  try {
    while (!reader.isAtEnd) {
      const { tag, content } = reader.read();
      count += 1 + ((tag & 0x20) === 0 ? 0 : readAll(content, depth + 1));
    }
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
  }
  return count;
}

Deno.test("oidText() gives the numbers, and refuses what is none", () => {
  for (const text of ["2.5.4.3", "1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25", "2.999.1"]) {
    const { content } = new DerReader(oid(text)).read();
    assertEquals(oidText(content), text);
  }
  for (const bytes of [[], [0x80, 1], [0x55, 0x84], [0x55, 0x80, 1], new Array(9).fill(0xff)]) {
    assertThrows(() => oidText(Uint8Array.from(bytes)), DerError);
  }
});

Deno.test("hexOf() gives two digits a byte", () => {
  assertEquals(hexOf(Uint8Array.of(0, 10, 255)), "000aff");
});
