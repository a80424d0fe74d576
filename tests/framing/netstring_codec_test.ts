import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { GenericError } from "../../src/base/errors.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import { NetstringCodec } from "../../src/framing/netstring_codec.ts";
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

const MAX = 12;

/** The obvious slow version: all the bytes as a string, by a regular expression. */
function slowNetstrings(bytes: Uint8Array<ArrayBuffer>): Outcome<Uint8Array>[] {
  const text = new TextDecoder("latin1").decode(bytes);
  const outcomes: Outcome<Uint8Array>[] = [];
  const bad = (why: string) => [...outcomes, { error: `Cannot decode: ${why}` }];
  for (let start = 0; start < bytes.length;) {
    const rest = text.slice(start);
    const digits = /^(0|[1-9]\d*)?/.exec(rest)![0];
    const tooLong = [...digits].findIndex((_, i) => Number(digits.slice(0, i + 1)) > MAX);
    if (tooLong >= 0) {
      const least = Number(digits.slice(0, tooLong + 1));
      return bad(
        `the netstring at byte ${start} is at least ${least} bytes long, ${MAX} are allowed`,
      );
    }
    if (rest.length === digits.length) {
      return bad(`the stream ended ${rest.length} bytes into the frame at byte ${start}`);
    }
    if (digits === "" || rest[digits.length] !== ":") {
      return bad(`the netstring at byte ${start} has no length`);
    }
    const length = Number(digits);
    const head = digits.length + 1;
    if (rest.length < head + length + 1) {
      const whole = head + length + 1;
      return bad(
        `the stream ended ${rest.length} bytes into the frame of ${whole} at byte ${start}`,
      );
    }
    if (rest[head + length] !== ",") {
      return bad(`no comma ends the netstring of ${length} bytes at byte ${start}`);
    }
    outcomes.push({ message: bytes.slice(start + head, start + head + length) });
    start += head + length + 1;
  }
  return outcomes;
}

Deno.test("NetstringCodec finds in any bytes what a slow version finds, however they are cut", () => {
  const codec = new NetstringCodec({ maxFrameLength: MAX });
  const good = ["0:,", "5:hello,", "12:hello, world,", "1:,,", "3:4:5,"];
  const usual = bytesAndCuts(...good, ...good, ...good, "1", "0", "9", ":", ",", "x", "-");
  fc.assert(
    fc.property(usual, ({ bytes, cuts }) => {
      const expected = slowNetstrings(bytes);
      assertEquals(decodeAll(codec, [bytes]), expected);
      assertEquals(decodeAll(codec, cutAt(bytes, cuts)), expected);
      assertEquals(decodeAll(codec, cutIntoBytes(bytes)), expected);
    }),
    { seed: 3, numRuns: 1000 },
  );
});

Deno.test("NetstringCodec gives back what was sent, however it is cut", () => {
  const codec = new NetstringCodec();
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), cutPlaces, (messages, cuts) => {
      assertGivenBack(codec, messages, cuts);
    }),
    { seed: 3 },
  );
});

Deno.test("NetstringCodec says where a netstring is bad, and finds nothing behind it", () => {
  const codec = new NetstringCodec({ maxFrameLength: MAX });
  const last = (text: string) => decodeAll(codec, [bytesOf(text)]).at(-1);
  const expected = new Map([
    ["1:a,05:hello,", "the netstring at byte 4 has no length"],
    ["1:a,:,1:a,", "the netstring at byte 4 has no length"],
    ["-1:a,", "the netstring at byte 0 has no length"],
    ["2:abc,", "no comma ends the netstring of 2 bytes at byte 0"],
    ["13:", "the netstring at byte 0 is at least 13 bytes long, 12 are allowed"],
    ["4294967296:", "the netstring at byte 0 is at least 42 bytes long, 12 are allowed"],
    ["5:hel", "the stream ended 5 bytes into the frame of 8 at byte 0"],
    ["5", "the stream ended 1 bytes into the frame at byte 0"],
  ]);
  for (const [text, why] of expected) assertEquals(last(text), { error: `Cannot decode: ${why}` });
});

Deno.test("NetstringCodec refuses a message as soon as it is certain that it is too long", () => {
  const cases: [text: string, expected: number | undefined][] = [
    ["13:", 2],
    ["2", undefined],
    ["20", 2],
    ["100", 3],
    ["12:hello", undefined],
  ];
  for (const [text, expected] of cases) {
    const decoder = new NetstringCodec({ maxFrameLength: 12 }).decoder();
    const step = (queue: ByteQueue) => decoder.decode(queue, false);
    assertEquals(refusedAfter(bytesOf(text), step), expected, text);
  }
});

Deno.test("NetstringCodec refuses a wrong config and messages that it cannot send", () => {
  assertThrows(() => new NetstringCodec({ maxFrameLength: -1 }), RangeError, "-1");
  const codec = new NetstringCodec({ maxFrameLength: 2 });
  const error = assertThrows(() => codec.encode("abc", new FrameBuffer()), GenericError);
  assertEquals(error.code, "frame");
  assertThrows(() => codec.encode(undefined as never, new FrameBuffer()), TypeError, "undefined");
  assertEquals(encodeAll(codec, ["", "\u00e9"]), bytesOf("0:,2:\u00e9,"));
});
