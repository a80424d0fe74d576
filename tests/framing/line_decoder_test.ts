import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { GenericError } from "../../src/base/errors.ts";
import { LineCodec, type LineCodecConfig } from "../../src/framing/line_codec.ts";
import { textOf } from "../../src/bytes/utf8.ts";
import { LineDecoder } from "../../src/framing/line_decoder.ts";
import {
  bytesAndCuts,
  cutAt,
  cutIntoBytes,
  decodeAll,
  type Outcome,
  provenAfter,
  refusedAfter,
} from "../support/framing.ts";
import { bytesOf } from "../support/text.ts";

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
  // Without a line feed it is no line where it is empty, too.
  const last = outcomes.at(-1);
  if (bytes.at(-1) !== 10 && last !== undefined && "message" in last && last.message === "") {
    outcomes.pop();
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
  Deno.test(`LineDecoder ${JSON.stringify(config)} finds in any bytes what a slow version finds, however they are cut`, () => {
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

Deno.test("LineDecoder refuses a line as soon as it is certain that it is too long", () => {
  const codec = new LineCodec({ maxFrameLength: 4 });
  const ends = ["\n", "\r\n"].map(bytesOf);
  const lengthOf = (bytes: Uint8Array) => {
    const line = bytes.subarray(0, bytes.indexOf(10));
    return line.length - (line.at(-1) === 13 ? 1 : 0);
  };
  const line = fc.array(fc.constantFrom(13, 13, 97), { maxLength: 9, size: "max" });
  fc.assert(
    fc.property(line, (values) => {
      const bytes = Uint8Array.from(values);
      const decoder = codec.decoder();
      const refused = refusedAfter(bytes, (queue) => decoder.decode(queue, false));
      assertEquals(refused, provenAfter(bytes, ends, 4, lengthOf));
    }),
    { seed: 3, numRuns: 500 },
  );
  const decoder = codec.decoder();
  assertEquals(refusedAfter(bytesOf("12345"), (queue) => decoder.decode(queue, false)), 5);
});

Deno.test("LineDecoder gives no line for a carriage return or a mark alone before the end", () => {
  const outcomes = (text: string, config: LineCodecConfig = {}) =>
    decodeAll(new LineCodec(config), [bytesOf(text)]).map((outcome) =>
      "message" in outcome ? outcome.message : outcome
    );
  assertEquals(outcomes("a\n\r"), ["a"]);
  assertEquals(outcomes("\r"), []);
  assertEquals(outcomes("\ufeff"), []);
  assertEquals(outcomes("\ufeff\r"), []);
  assertEquals(outcomes("\ufeff", { byteOrderMark: "keep" }), ["\ufeff"]);
  assertEquals(outcomes("\r\r"), ["\r"]);
  // With a line feed it is a line.
  assertEquals(outcomes("\r\n\n"), ["", ""]);
});

Deno.test("LineDecoder refuses a line that is too long before its end has come, and skips it", () => {
  const codec = new LineCodec({ maxFrameLength: 4 });
  const decoder = codec.decoder();
  const bytes = new ByteQueue();
  bytes.push(bytesOf("1234\r"));
  assertEquals(decoder.decode(bytes, false), undefined);
  bytes.push(bytesOf("5"));
  const error = assertThrows(() => decoder.decode(bytes, false), GenericError);
  assertEquals(error.message, "Cannot decode: the line at byte 0 is longer than 4 bytes");
  assertEquals(error.code, "frame");
  // It is dropped, however long it gets.
  assertEquals(bytes.length, 0);
  bytes.push(new Uint8Array(1_000_000));
  assertEquals(decoder.decode(bytes, false), undefined);
  assertEquals(bytes.length, 0);
  bytes.push(bytesOf("\nnext\n"));
  assertEquals(decoder.decode(bytes, false), "next");
});

Deno.test("LineDecoder leaves in the queue what comes behind the line that it gave", () => {
  const bytes = new ByteQueue();
  bytes.push(bytesOf("one\ntwo\nbody!four\nfive\n"));
  const decoder = new LineCodec().decoder();
  assertEquals(decoder.decode(bytes, false), "one");
  assertEquals(decoder.decode(bytes, false), "two");
  assertEquals(bytes.take(5), bytesOf("body!"));
  assertEquals(decoder.decode(bytes, false), "four");
  assertEquals(bytes.length, 5);
});

Deno.test("LineDecoder reads lines of more than its window, and windows full of lines", () => {
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

Deno.test("LineDecoder says where the line began that it gave, or refused, last", () => {
  const bytes = new ByteQueue();
  bytes.push(bytesOf("\u00e9\u00e9\r\ntoo long\nc\nd"));
  const decoder = new LineDecoder(4, (bytes) => textOf(bytes, "strict"), true);
  assertEquals([decoder.decode(bytes, false), decoder.lineStart], ["\u00e9\u00e9", 0]);
  assertThrows(() => decoder.decode(bytes, false), GenericError, "at byte 6");
  assertEquals(decoder.lineStart, 6);
  assertEquals([decoder.decode(bytes, false), decoder.lineStart], ["c", 15]);
  assertEquals([decoder.decode(bytes, true), decoder.lineStart], ["d", 17]);
});
