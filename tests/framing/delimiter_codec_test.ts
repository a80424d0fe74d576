import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { GenericError } from "../../src/base/errors.ts";
import { DelimiterCodec } from "../../src/framing/delimiter_codec.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import {
  assertGivenBack,
  bytesAndCuts,
  cutAt,
  cutIntoBytes,
  cutPlaces,
  decodeAll,
  encodeAll,
  type Outcome,
  provenAfter,
  refusedAfter,
} from "../support/framing.ts";
import { bytesOf } from "../support/text.ts";

const latin1 = new TextDecoder("latin1");

/** The obvious slow version: all the bytes as a string, message by message. */
function slowMessages(bytes: Uint8Array, delimiter: string, max: number): Outcome<Uint8Array>[] {
  const text = latin1.decode(bytes);
  const outcomes: Outcome<Uint8Array>[] = [];
  for (let start = 0; start < bytes.length;) {
    const found = text.indexOf(delimiter, start);
    const end = found < 0 ? bytes.length : found;
    outcomes.push(
      end - start > max
        ? { error: `Cannot decode: the message at byte ${start} is longer than ${max} bytes` }
        : { message: bytes.slice(start, end) },
    );
    start = end + delimiter.length;
  }
  return outcomes;
}

for (const delimiter of ["\0", "ab", "aa", "aab", "abab", "abaabaa"]) {
  for (const max of [1, 6, 100]) {
    Deno.test(`DelimiterCodec ${JSON.stringify(delimiter)} of at most ${max} bytes finds in any bytes what a slow version finds, however they are cut`, () => {
      const codec = new DelimiterCodec(delimiter, { maxFrameLength: max });
      const usual = bytesAndCuts(delimiter, delimiter, delimiter.slice(0, -1), "a", "b", "\0", "c");
      fc.assert(
        fc.property(usual, ({ bytes, cuts }) => {
          const expected = slowMessages(bytes, delimiter, max);
          assertEquals(decodeAll(codec, [bytes]), expected);
          assertEquals(decodeAll(codec, cutAt(bytes, cuts)), expected);
          assertEquals(decodeAll(codec, cutIntoBytes(bytes)), expected);
        }),
        { seed: 3, numRuns: 150 },
      );
    });
  }

  Deno.test(`DelimiterCodec ${JSON.stringify(delimiter)} refuses a message as soon as it is certain that it is too long`, () => {
    const ends = Array.from(delimiter, (_, at) => bytesOf(delimiter.slice(at)));
    const lengthOf = (bytes: Uint8Array) => {
      const end = latin1.decode(bytes).indexOf(delimiter);
      // Where this does not complete one, nothing else does so sooner.
      return end < 0 ? Infinity : end;
    };
    const letters = fc.array(fc.constantFrom(...`${delimiter}bc`), { maxLength: 20, size: "max" });
    for (const max of [1, 4]) {
      const codec = new DelimiterCodec(delimiter, { maxFrameLength: max });
      fc.assert(
        fc.property(letters, (characters) => {
          const bytes = bytesOf(characters.join("").replaceAll(delimiter, ""));
          if (latin1.decode(bytes).includes(delimiter)) return;
          const decoder = codec.decoder();
          const refused = refusedAfter(bytes, (queue) => decoder.decode(queue, false));
          assertEquals(refused, provenAfter(bytes, ends, max, lengthOf));
        }),
        { seed: 3, numRuns: 300 },
      );
    }
  });

  Deno.test(`DelimiterCodec ${JSON.stringify(delimiter)} sends just what would come back, however it is cut`, () => {
    const codec = new DelimiterCodec(delimiter);
    const message = fc.array(fc.constantFrom(..."ab\0c"), { maxLength: 9 })
      .map((characters) => characters.join(""));
    fc.assert(
      fc.property(fc.array(message), cutPlaces, (messages, cuts) => {
        const [sent, refused] = [[] as string[], [] as string[]];
        const frames = new FrameBuffer();
        for (const one of messages) {
          try {
            frames.append(codec, one);
            sent.push(one);
          } catch {
            refused.push(one);
          }
        }
        assertEquals(frames.length, encodeAll(codec, sent).length);
        assertGivenBack(codec, sent, cuts, sent.map(bytesOf));
        for (const one of refused) {
          assertEquals((one + delimiter).indexOf(delimiter) < one.length, true);
        }
      }),
      { seed: 3 },
    );
  });
}

Deno.test("DelimiterCodec gives what comes behind the last delimiter, if it is not empty", () => {
  const codec = new DelimiterCodec("--");
  const texts = (text: string) =>
    decodeAll(codec, [bytesOf(text)]).map((outcome) =>
      "message" in outcome ? latin1.decode(outcome.message) : outcome
    );
  assertEquals(texts("a----b-"), ["a", "", "b-"]);
  assertEquals(texts("a--"), ["a"]);
  assertEquals(texts(""), []);
});

Deno.test("DelimiterCodec refuses a message that is too long before its end has come, and skips it", () => {
  const decoder = new DelimiterCodec("--", { maxFrameLength: 4 }).decoder();
  const bytes = new ByteQueue();
  bytes.push(bytesOf("1234-"));
  assertEquals(decoder.decode(bytes, false), undefined);
  bytes.push(bytesOf("5"));
  const error = assertThrows(() => decoder.decode(bytes, false), GenericError);
  assertEquals(error.code, "frame");
  bytes.push(new Uint8Array(1_000_000));
  assertEquals(decoder.decode(bytes, false), undefined);
  assertEquals(bytes.length, 0);
  // The delimiter that ends it may come in two pieces.
  bytes.push(bytesOf("-"));
  assertEquals(decoder.decode(bytes, false), undefined);
  bytes.push(bytesOf("-next--"));
  assertEquals(decoder.decode(bytes, false), bytesOf("next"));
});

Deno.test("DelimiterCodec keeps its own delimiter", () => {
  const delimiter = bytesOf(";");
  const codec = new DelimiterCodec(delimiter);
  delimiter[0] = 0;
  assertEquals(encodeAll(codec, ["a", bytesOf("b")]), bytesOf("a;b;"));
});

Deno.test("DelimiterCodec refuses wrong arguments and messages that it cannot send", () => {
  assertThrows(() => new DelimiterCodec(""), RangeError, "delimiter");
  assertThrows(() => new DelimiterCodec(new Uint8Array()), RangeError, "delimiter");
  assertThrows(() => new DelimiterCodec(10 as never), TypeError, "got 10");
  assertThrows(() => new DelimiterCodec(";", { maxFrameLength: 1.5 }), RangeError, "1.5");
  const codec = new DelimiterCodec("aa", { maxFrameLength: 4 });
  const refusal = (message: string) =>
    assertThrows(() => codec.encode(message, new FrameBuffer()), GenericError).message;
  assertEquals(refusal("12345"), "Cannot encode: the message is longer than 4 bytes");
  assertEquals(refusal("xaay"), "Cannot encode: the message has the delimiter in it, at 1");
  assertEquals(refusal("xa"), "Cannot encode: the message has the delimiter in it, at 1");
  assertThrows(() => codec.encode(1 as never, new FrameBuffer()), TypeError, "got 1");
});
