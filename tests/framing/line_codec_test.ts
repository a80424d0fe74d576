import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/byte_queue.ts";
import { GenericError } from "../../src/errors.ts";
import { FrameBuffer } from "../../src/framing/frame_buffer.ts";
import { LineCodec, type LineCodecConfig } from "../../src/framing/line_codec.ts";
import {
  bytesAndCuts,
  bytesOf,
  cutAt,
  cutIntoBytes,
  cutPlaces,
  decodeAll,
  encodeAll,
  joined,
  type Outcome,
} from "../support/framing.ts";

const decoded = (codec: LineCodec, ...pieces: (string | Uint8Array<ArrayBuffer>)[]) =>
  decodeAll(codec, pieces.map((piece) => typeof piece === "string" ? bytesOf(piece) : piece))
    .map((outcome) => "message" in outcome ? outcome.message : outcome);

/** The obvious slow version: all the bytes, line by line. */
function slowLines(bytes: Uint8Array<ArrayBuffer>, config: LineCodecConfig): Outcome<string>[] {
  const { maxFrameLength: max = Infinity, invalidBytes, byteOrderMark } = config;
  const outcomes: Outcome<string>[] = [];
  for (let start = 0; start < bytes.length;) {
    const lineFeed = bytes.indexOf(10, start);
    const end = lineFeed < 0 ? bytes.length : lineFeed;
    let line = bytes.slice(start, end);
    if (line.at(-1) === 13) line = line.slice(0, -1);
    if (line.length > max) {
      outcomes.push({
        error: `Cannot decode: the line at byte ${start} is longer than ${max} bytes`,
      });
    } else {
      const ignoreBOM = start > 0 || byteOrderMark === "keep";
      try {
        const utf8 = new TextDecoder("utf-8", { fatal: invalidBytes !== "replace", ignoreBOM });
        outcomes.push({ message: utf8.decode(line) });
      } catch {
        outcomes.push({ error: `Cannot decode: the line at byte ${start} is not UTF-8` });
      }
    }
    start = end + 1;
  }
  return outcomes;
}

const usual = bytesAndCuts(
  "\n",
  "\n",
  "\r\n",
  "\r",
  "a",
  "four",
  "\u00e9",
  "\u{1f600}",
  "\ufeff",
  Uint8Array.of(0xc3),
  Uint8Array.of(0xff),
  "0123456789",
);

for (
  const config of [
    {},
    { maxFrameLength: 5 },
    { maxFrameLength: 1 },
    { invalidBytes: "replace" },
    { invalidBytes: "replace", byteOrderMark: "keep", maxFrameLength: 12 },
  ] satisfies LineCodecConfig[]
) {
  Deno.test(`LineCodec ${JSON.stringify(config)} finds in any bytes what a slow version finds, however they are cut`, () => {
    const codec = new LineCodec(config);
    fc.assert(
      fc.property(usual, ({ bytes, cuts }) => {
        const expected = slowLines(bytes, config);
        assertEquals(decodeAll(codec, [bytes]), expected);
        assertEquals(decodeAll(codec, cutAt(bytes, cuts)), expected);
        assertEquals(decodeAll(codec, cutIntoBytes(bytes)), expected);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
}

for (const lineEnding of ["\n", "\r\n"] as const) {
  Deno.test(`LineCodec with ${JSON.stringify(lineEnding)} gives back what was sent, however it is cut`, () => {
    const codec = new LineCodec({ lineEnding, byteOrderMark: "keep" });
    const line = fc.string({ unit: "binary", maxLength: 20 }).map((text) =>
      text.replaceAll("\n", "").replace(/\r+$/, "")
    );
    fc.assert(
      fc.property(fc.array(line, { size: "max", maxLength: 30 }), cutPlaces, (lines, cuts) => {
        const bytes = encodeAll(codec, lines);
        const expected = lines.map((message) => ({ message }));
        assertEquals(decodeAll(codec, cutAt(bytes, cuts)), expected);
        assertEquals(decodeAll(codec, cutIntoBytes(bytes)), expected);
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

Deno.test("LineCodec refuses a line that is too long before its end has come, and skips it", () => {
  const codec = new LineCodec({ maxFrameLength: 4 });
  const decoder = codec.decoder();
  const bytes = new ByteQueue();
  bytes.push(bytesOf("1234\r"));
  assertEquals(decoder.decode(bytes, false), undefined);
  bytes.push(bytesOf("5"));
  const error = assertThrows(() => decoder.decode(bytes, false), GenericError);
  assertEquals(error.message, "Cannot decode: the line at byte 0 is longer than 4 bytes");
  assertEquals(error.code, "frame");
  // It is not kept, however long it gets.
  assertEquals(bytes.length, 0);
  bytes.push(new Uint8Array(1_000_000));
  assertEquals(decoder.decode(bytes, false), undefined);
  assertEquals(bytes.length, 0);
  bytes.push(bytesOf("\nnext\n"));
  assertEquals(decoder.decode(bytes, false), "next");
});

Deno.test("LineCodec leaves in the queue what comes behind the line that it gave", () => {
  const bytes = new ByteQueue();
  bytes.push(bytesOf("one\ntwo\nbody!four\nfive\n"));
  const decoder = new LineCodec().decoder();
  assertEquals(decoder.decode(bytes, false), "one");
  assertEquals(decoder.decode(bytes, false), "two");
  assertEquals(bytes.take(5), bytesOf("body!"));
  assertEquals(decoder.decode(bytes, false), "four");
  assertEquals(bytes.length, 5);
});

Deno.test("LineCodec reads lines of more than its window, and windows full of lines", () => {
  const lines = [
    "x".repeat(5000),
    ...Array.from({ length: 3000 }, (_, i) => `line ${i} ${i % 7 === 0 ? "\u00e9" : ""}`),
    "y".repeat(4095),
    "z".repeat(4096),
    "\u00e9".repeat(3000),
  ];
  const bytes = bytesOf(lines.join("\n"));
  const expected = lines.map((message) => ({ message }));
  assertEquals(decodeAll(new LineCodec(), [bytes]), expected);
  assertEquals(
    decodeAll(new LineCodec(), cutAt(bytes, Array.from({ length: 90 }, (_, i) => i * 997))),
    expected,
  );
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
