import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { crc32c } from "../../src/proxy/crc32c.ts";

Deno.test("crc32c() gives the results of RFC 3720 appendix B.4", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(ascending), 0x46dd794e);
  assertEquals(crc32c(ascending.toReversed()), 0x113fdb5c);
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(0)), 0);
});

Deno.test("crc32c() agrees with dividing bit by bit", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      let crc = 0xffffffffn;
      for (const byte of bytes) {
        crc ^= BigInt(byte);
        for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? crc >> 1n ^ 0x82f63b78n : crc >> 1n;
      }
      assertEquals(crc32c(bytes), Number(crc ^ 0xffffffffn));
    }),
    { seed: 6 },
  );
});
