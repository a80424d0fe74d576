import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { GenericError } from "../../src/base/errors.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { assertGivenBack, cutAt, cutPlaces, decodeAll, encodeAll } from "../support/framing.ts";
import { joined } from "../support/joined.ts";
import { bytesOf } from "../support/text.ts";

const decoded = (codec: LineCodec, ...pieces: (string | Uint8Array<ArrayBuffer>)[]) =>
  decodeAll(codec, pieces.map((piece) => typeof piece === "string" ? bytesOf(piece) : piece))
    .map((outcome) => "message" in outcome ? outcome.message : outcome);

for (const lineEnding of ["\n", "\r\n"] as const) {
  Deno.test(`LineCodec with ${JSON.stringify(lineEnding)} gives back what was sent, however it is cut`, () => {
    const codec = new LineCodec({ lineEnding, byteOrderMark: "keep" });
    const line = fc.string({ unit: "binary", maxLength: 20 }).map((text) =>
      text.replaceAll("\n", "").replace(/\r+$/, "")
    );
    fc.assert(
      fc.property(fc.array(line, { size: "max", maxLength: 30 }), cutPlaces, (lines, cuts) => {
        assertGivenBack(codec, lines, cuts);
      }),
      { seed: 3 },
    );
  });
}

Deno.test("LineCodec finds lines ended by LF and CRLF, and what comes behind the last one", () => {
  const codec = new LineCodec();
  assertEquals(decoded(codec, "one\r\ntwo\n\nfour"), ["one", "two", "", "four"]);
  assertEquals(decoded(codec, "a\rb\r\r\nc\r"), ["a\rb\r", "c"]);
  assertEquals(decoded(codec, ""), []);
});

Deno.test("LineCodec reads a character that was split over two reads", () => {
  const [first, second] = cutAt(bytesOf("\u{1f600}\n"), [2]);
  assertEquals(decoded(new LineCodec(), first!, second!), ["\u{1f600}"]);
});

Deno.test("LineCodec drops a byte order mark at the start of the stream only, or keeps it", () => {
  const text = "\ufeffa\n\ufeffb";
  assertEquals(decoded(new LineCodec(), text), ["a", "\ufeffb"]);
  assertEquals(decoded(new LineCodec({ byteOrderMark: "keep" }), text), ["\ufeffa", "\ufeffb"]);
});

Deno.test("LineCodec sends a first line with a byte order mark as it is: the peer strips it, or keeps it", () => {
  const sent = encodeAll(new LineCodec(), ["\ufeffone", "\ufefftwo"]);
  assertEquals(decoded(new LineCodec(), sent), ["one", "\ufefftwo"]);
  assertEquals(decoded(new LineCodec({ byteOrderMark: "keep" }), sent), ["\ufeffone", "\ufefftwo"]);
});

Deno.test("LineCodec refuses bytes that are not UTF-8 and goes on with the next line, or replaces them", () => {
  const bytes = joined([bytesOf("good\nb"), Uint8Array.of(0xff), bytesOf("d\ngood")]);
  assertEquals(decoded(new LineCodec(), bytes), [
    "good",
    { error: "Cannot decode: the line at byte 5 is not UTF-8" },
    "good",
  ]);
  assertEquals(decoded(new LineCodec({ invalidBytes: "replace" }), bytes), [
    "good",
    "b\ufffdd",
    "good",
  ]);
});

Deno.test("LineCodec does not send a line that would reach the peer as another one", () => {
  const codec = new LineCodec({ maxFrameLength: 8 });
  const refusal = (line: string) =>
    assertThrows(() => codec.encode(line, new FrameBuffer()), GenericError).message;
  assertEquals(refusal("a\nb"), "Cannot encode: the line has a line feed in it, at 1");
  assertEquals(
    refusal("a\r"),
    'Cannot encode: the line ends with a carriage return, use lineEnding "\\r\\n"',
  );
  assertEquals(refusal("123456789"), "Cannot encode: the message is longer than 8 bytes");
  assertEquals(
    refusal("\u{1f600}\u{1f600}\u{1f600}"),
    "Cannot encode: the message is longer than 8 bytes",
  );
  assertEquals(encodeAll(codec, ["\u{1f600}\u{1f600}"]).length, 9);
});

Deno.test("LineCodec refuses a wrong config and a line that is no string", () => {
  assertThrows(() => new LineCodec({ maxFrameLength: 0 }), RangeError, "maxFrameLength");
  assertThrows(() => new LineCodec({ maxFrameLength: Infinity }), RangeError, "Infinity");
  assertThrows(() => new LineCodec({ maxFrameLength: 2 ** 30 }), RangeError, "1073741824");
  assertThrows(() => new LineCodec({ maxFrameLength: "9" as never }), TypeError, '"9"');
  assertThrows(() => new LineCodec({ lineEnding: "\r" as never }), TypeError, '"\\r"');
  assertThrows(() => new LineCodec({ invalidBytes: "skip" as never }), TypeError, '"skip"');
  assertThrows(() => new LineCodec({ byteOrderMark: true as never }), TypeError, "true");
  assertThrows(() => new LineCodec(null as never), TypeError, "config");
  assertThrows(() => new LineCodec().encode(1 as never, new FrameBuffer()), TypeError, "got 1");
});

Deno.test("LineCodec.encode() counts bytes, not characters", () => {
  const codec = new LineCodec({ maxFrameLength: 6 });
  codec.encode("\u20ac\u20ac", new FrameBuffer());
  codec.encode("abcdef", new FrameBuffer());
  const tooLong = () => codec.encode("\u20ac\u20aca", new FrameBuffer());
  assertThrows(tooLong, GenericError, "6 bytes");
  const noText = () => codec.encode(bytesOf("a") as never, new FrameBuffer());
  assertThrows(noText, TypeError, "Uint8Array");
});
