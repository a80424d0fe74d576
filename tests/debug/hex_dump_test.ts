import { assertEquals, assertThrows } from "@std/assert";
import { hexDump } from "../../src/debug/hex_dump.ts";

Deno.test("hexDump() looks as hexdump -C does", () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => i * 7);
  assertEquals(hexDump(bytes).split("\n"), [
    "00000000  00 07 0e 15 1c 23 2a 31  38 3f 46 4d 54 5b 62 69  |.....#*18?FMT[bi|",
    "00000010  70 77 7e 85 8c 93 9a a1  a8 af b6 bd c4 cb d2 d9  |pw~.............|",
    "00000020  e0 e7 ee f5 fc 03 0a 11                           |........|",
  ]);
  assertEquals(hexDump(new Uint8Array(0)), "");
  assertEquals(
    hexDump(Uint8Array.of(0x7f, 0x80, 0x20, 0x1b)),
    "00000000  7f 80 20 1b                                       |.. .|",
  );
});

Deno.test("hexDump() shows as many bytes as asked for, and says how many are missing", () => {
  const dump = hexDump(new Uint8Array(100), { maxBytes: 17 }).split("\n");
  assertEquals(dump.length, 3);
  assertEquals(dump[1], `00000010  00${" ".repeat(48)}|.|`);
  assertEquals(dump[2], "83 more bytes");
  assertEquals(hexDump(new Uint8Array(3), { maxBytes: 0 }), "3 more bytes");
});

Deno.test("hexDump() refuses what is no bytes, and unknown options", () => {
  assertThrows(() => hexDump("text" as never), TypeError, 'got "text"');
  assertThrows(() => hexDump(new Uint8Array(1), { maxBytes: -1 }), RangeError, "maxBytes");
  assertThrows(() => hexDump(new Uint8Array(1), { maxbytes: 1 } as never), TypeError, "maxBytes");
});
