import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { GenericError } from "../../src/base/errors.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import { JsonLinesCodec } from "../../src/framing/json_lines_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import {
  assertGivenBack,
  bytesAndCuts,
  cutAt,
  cutIntoBytes,
  cutPlaces,
  decodeAll,
  encodeAll,
  type Outcome,
  refusedAfter,
} from "../support/framing.ts";
import { bytesOf } from "../support/text.ts";

/** The part of an error that does not depend on the words of the JSON parser. */
function shortened(outcomes: Outcome<unknown>[]): Outcome<unknown>[] {
  return outcomes.map((outcome) =>
    "error" in outcome ? { error: outcome.error.replace(/ JSON: .*/, " JSON") } : outcome
  );
}

Deno.test("JsonLinesCodec finds in any bytes what is JSON on their lines, however they are cut", () => {
  const config = { maxFrameLength: 9 };
  const codec = new JsonLinesCodec(config);
  const usual = bytesAndCuts(
    "\n",
    "\n",
    "\r\n",
    "null",
    '{"a":1}',
    "[",
    "]",
    '"',
    " ",
    "1",
    "\u00e9",
    "\ufeff",
  );
  fc.assert(
    fc.property(usual, ({ bytes, cuts }) => {
      // How lines are found is tested elsewhere; the number of a line shows where it began.
      const expected: Outcome<unknown>[] = [];
      let start = 0;
      for (const line of decodeAll(new LineCodec(config), [bytes])) {
        if ("error" in line) {
          expected.push(line);
        } else {
          try {
            expected.push({ message: JSON.parse(line.message) });
          } catch {
            if (line.message.trim() !== "") {
              expected.push({ error: `Cannot decode: the line at byte ${start} is not JSON` });
            }
          }
        }
        const lineFeed = bytes.indexOf(10, start);
        start = lineFeed < 0 ? bytes.length : lineFeed + 1;
      }
      assertEquals(shortened(decodeAll(codec, [bytes])), expected);
      assertEquals(shortened(decodeAll(codec, cutAt(bytes, cuts))), expected);
      assertEquals(shortened(decodeAll(codec, cutIntoBytes(bytes))), expected);
    }),
    { seed: 3, numRuns: 1000 },
  );
});

Deno.test("JsonLinesCodec gives back what was sent, however it is cut", () => {
  const codec = new JsonLinesCodec<fc.JsonValue>();
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), cutPlaces, (messages, cuts) => {
      assertGivenBack(codec, messages, cuts, JSON.parse(JSON.stringify(messages)));
    }),
    { seed: 3 },
  );
});

Deno.test("JsonLinesCodec passes over lines of white space and goes on behind a bad one", () => {
  const outcomes = decodeAll(new JsonLinesCodec(), [bytesOf('1\n\n \t\r\n{\nnull\n"a')]);
  assertEquals(shortened(outcomes), [
    { message: 1 },
    { error: "Cannot decode: the line at byte 7 is not JSON" },
    { message: null },
    { error: "Cannot decode: the line at byte 14 is not JSON" },
  ]);
});

Deno.test("JsonLinesCodec quotes nothing that a terminal obeys", () => {
  const [outcome] = decodeAll(new JsonLinesCodec(), [bytesOf("\x1b]0;x\x07\x9b2J\n")]);
  const { error } = outcome as { error: string };
  assertEquals([/is not JSON: .*0;x/.test(error), /\p{Cc}/u.test(error)], [true, false], error);
});

Deno.test("JsonLinesCodec refuses a line as soon as it is certain that it is too long", () => {
  const cases: [text: string, expected: number | undefined][] = [
    ["12345", 5],
    ["    5", 5],
    ["1234\r", undefined],
    ["1234\r5", 6],
  ];
  for (const [text, expected] of cases) {
    const decoder = new JsonLinesCodec({ maxFrameLength: 4 }).decoder();
    const step = (queue: ByteQueue) => decoder.decode(queue, false);
    assertEquals(refusedAfter(bytesOf(text), step), expected, text);
  }
});

Deno.test("JsonLinesCodec gives what the check made of a value, and an error with what it threw", () => {
  const thrown = new Error("not a number");
  const codec = new JsonLinesCodec<number, string>({
    check(value) {
      if (typeof value !== "number") throw thrown;
      return value * 2;
    },
  });
  const decoder = codec.decoder();
  const bytes = new ByteQueue();
  bytes.push(encodeAll(codec, ["sent"]));
  bytes.push(bytesOf("21\n"));
  const error = assertThrows(() => decoder.decode(bytes, false), GenericError);
  assertEquals(error.message, "Cannot decode: the line at byte 0 was refused: not a number");
  assertEquals(error.cause, thrown);
  assertEquals(decoder.decode(bytes, false), 42);
});

Deno.test("JsonLinesCodec says so when a check gives nothing", () => {
  const decoder = new JsonLinesCodec({ check: () => {} }).decoder();
  const bytes = new ByteQueue();
  bytes.push(bytesOf("1\n"));
  assertThrows(() => decoder.decode(bytes, false), TypeError, "check must give a message");
});

Deno.test("JsonLinesCodec names an async check, whose rejection is nobody's", async () => {
  for (const check of [() => Promise.resolve(1), () => Promise.reject(new Error("no"))]) {
    const bytes = new ByteQueue();
    bytes.push(bytesOf("1\n"));
    const decoder = new JsonLinesCodec<unknown>({ check }).decoder();
    assertThrows(() => decoder.decode(bytes, false), TypeError, "check must not be async");
    await Promise.resolve();
  }
});

Deno.test("JsonLinesCodec survives JSON of any depth", () => {
  const depth = 500_000;
  const bytes = bytesOf("[".repeat(depth) + "]".repeat(depth) + "\n" + "[".repeat(depth) + "\n1");
  const outcomes = decodeAll(new JsonLinesCodec(), [bytes]);
  assertEquals(outcomes.length, 3);
  assertEquals("message" in outcomes[0]!, true);
  assertEquals("error" in outcomes[1]!, true);
  assertEquals(outcomes[2], { message: 1 });
});

Deno.test("JsonLinesCodec refuses a wrong config and what has no JSON", () => {
  assertThrows(() => new JsonLinesCodec({ maxFrameLength: 0 }), RangeError, "maxFrameLength");
  assertThrows(() => new JsonLinesCodec({ check: 1 as never }), TypeError, "got 1");
  const codec = new JsonLinesCodec({ maxFrameLength: 5 });
  const frames = new FrameBuffer();
  assertThrows(() => codec.encode(undefined, frames), TypeError, "undefined");
  assertThrows(() => codec.encode(() => {}, frames), TypeError, "Function");
  const error = assertThrows(() => codec.encode("long", frames), GenericError);
  assertEquals(error.message, "Cannot encode: the message is longer than 5 bytes");
});

Deno.test("JsonLinesCodec passes over blank lines wherever they are, and how many", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.constantFrom("\n", "\r\n", " \n", "\t \r\n", "\u00a0\n"),
          fc.constantFrom(0, 1, 2, 500, 3_000),
        ),
        { minLength: 1, maxLength: 6 },
      ),
      fc.integer({ min: 1, max: 5_000 }),
      (runs, pieceLength) => {
        const text = runs.map(([blank, count], i) => `${blank.repeat(count)}${i}\n`).join("");
        const bytes = new TextEncoder().encode(text);
        const queue = new ByteQueue();
        const decoder = new JsonLinesCodec<number>().decoder();
        const got: number[] = [];
        for (let at = 0; at < bytes.length; at += pieceLength) {
          queue.push(bytes.slice(at, at + pieceLength));
          for (let value; (value = decoder.decode(queue, false)) !== undefined;) got.push(value);
        }
        assertEquals(got, runs.map((_, i) => i));
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("JsonLinesCodec refuses a blank line that is too long among many that are not", () => {
  for (const [length, isRefused] of [[10, false], [11, true]] as const) {
    const queue = new ByteQueue();
    const blank = "\n".repeat(2_000);
    queue.push(new TextEncoder().encode(`${blank}${" ".repeat(length)}\n${blank}7\n`));
    const decoder = new JsonLinesCodec({ maxFrameLength: 10 }).decoder();
    if (isRefused) assertThrows(() => decoder.decode(queue, false), GenericError, "longer than 10");
    assertEquals(decoder.decode(queue, false), 7);
  }
});
