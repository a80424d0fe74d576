import { assertEquals } from "@std/assert";
import { printable } from "../../src/base/printable.ts";

Deno.test("printable() leaves letters of all kinds, and nothing that a terminal obeys", () => {
  assertEquals(printable("a\x1b[2J\r\n\x9bü\u202e\u{1f469}\u200d"), "a?[2J???ü?\u{1f469}\u200d");
});
