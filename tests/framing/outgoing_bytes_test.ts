import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { outgoingBytes } from "../../src/framing/outgoing_bytes.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("outgoingBytes() gives bytes as they are and text as UTF-8, as many as allowed", () => {
  const bytes = bytesOf("ab");
  assertStrictEquals(outgoingBytes(bytes, 2), bytes);
  assertEquals(outgoingBytes("\u00e9", 2), bytesOf("\u00e9"));
  for (const message of [bytesOf("abc"), "abc", "\u00e9a"]) {
    const error = assertThrows(() => outgoingBytes(message, 2), GenericError);
    assertEquals(error.message, "Cannot encode: the message is longer than 2 bytes");
    assertEquals(error.code, "frame");
  }
  assertThrows(() => outgoingBytes(["a"] as never, 2), TypeError, "Content");
});
