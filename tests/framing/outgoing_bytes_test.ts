import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import type { Codec } from "../../src/framing/codec.ts";
import { DelimiterCodec } from "../../src/framing/delimiter_codec.ts";
import { FixedLengthCodec } from "../../src/framing/fixed_length_codec.ts";
import { JsonLinesCodec } from "../../src/framing/json_lines_codec.ts";
import { LengthPrefixCodec } from "../../src/framing/length_prefix_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { NetstringCodec } from "../../src/framing/netstring_codec.ts";
import { outgoingBytes } from "../../src/framing/outgoing_bytes.ts";
import { decodeAll, encodeAll } from "../support/framing.ts";
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

const codecs: Record<string, Codec<unknown, string>> = {
  LineCodec: new LineCodec(),
  "LineCodec, near its limit": new LineCodec({ maxFrameLength: 20 }),
  DelimiterCodec: new DelimiterCodec("--"),
  NetstringCodec: new NetstringCodec(),
  LengthPrefixCodec: new LengthPrefixCodec(),
  FixedLengthCodec: new FixedLengthCodec(10),
};

for (const [name, codec] of Object.entries(codecs)) {
  Deno.test(`${name} refuses half a character, which would arrive as another one`, () => {
    for (const text of ["1234567\ud83d", "\udc00" + "1234567", "123\ude00\ud83d1"]) {
      const error = assertThrows(() => encodeAll(codec, [text]), GenericError);
      assertEquals(error.message, "Cannot encode: the text has a lone surrogate");
      assertEquals(error.code, "frame");
    }
    // A whole one, and one that only stands for what was lost, are text like any other.
    for (const text of ["123456\u{1f600}", "1234567\ufffd"]) {
      assertStringIncludes(new TextDecoder().decode(encodeAll(codec, [text])), text);
    }
  });
}

Deno.test("JsonLinesCodec sends half a character so that it arrives", () => {
  const codec = new JsonLinesCodec<string>();
  assertEquals(decodeAll(codec, [encodeAll(codec, ["a\ud83d", "\udc00b"])]), [
    { message: "a\ud83d" },
    { message: "\udc00b" },
  ]);
});
