import { assertEquals } from "@std/assert";
import { escaped, printable } from "../../src/base/printable.ts";

Deno.test("printable() leaves letters of all kinds, and nothing that a terminal obeys", () => {
  assertEquals(printable("a\x1b[2J\r\n\x9bü\u202e\u{1f469}\u200d"), "a?[2J???ü?\u{1f469}\u200d");
});

Deno.test("printable() and escaped() leave nothing that ends a line or turns the direction of writing", () => {
  const bad = [0, 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x2029];
  bad.push(0x202a, 0x202e, 0x2066, 0x2069);
  for (const code of bad) {
    const text = `a${String.fromCharCode(code)}b`;
    assertEquals(printable(text), "a?b");
    assertEquals(escaped(text), `a\\u${code.toString(16).padStart(4, "0")}b`);
  }
  assertEquals(escaped("ü \u{1f469}\u200d\xa0\ufeff"), "ü \u{1f469}\u200d\xa0\ufeff");
});
