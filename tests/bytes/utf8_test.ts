import { assertEquals } from "@std/assert";
import { textOf } from "../../src/bytes/utf8.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("textOf() makes text of UTF-8, a byte order mark included", () => {
  for (const text of ["", "plain", "\u00e9\u20ac\u{1f600}", "\ufeffmarked", "re\ufffdplaced"]) {
    assertEquals(textOf(bytesOf(text), "strict"), text);
    assertEquals(textOf(bytesOf(text), "replace"), text);
  }
});

Deno.test("textOf() refuses or replaces what is not UTF-8, and keeps nothing for the next call", () => {
  // A missing end, a byte that is never valid, a surrogate, and more bytes than needed.
  for (const bytes of [[0xc3], [0xff], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    assertEquals(textOf(Uint8Array.of(0x61, ...bytes), "strict"), undefined);
    assertEquals(textOf(Uint8Array.of(0x61, ...bytes), "replace")?.slice(0, 2), "a\ufffd");
    assertEquals(textOf(bytesOf("next"), "strict"), "next");
    assertEquals(textOf(bytesOf("next"), "replace"), "next");
  }
});
