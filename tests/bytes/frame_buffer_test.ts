import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Codec } from "../../src/framing/codec.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import { joined } from "../support/joined.ts";
import { bytesOf } from "../support/text.ts";

type Step = string | Uint8Array | number | { refused: (string | Uint8Array | number)[] } | "take";

const put = (frames: FrameBuffer, content: string | Uint8Array | number) =>
  typeof content === "number" ? frames.writeByte(content) : frames.write(content);
const asBytes = (content: string | Uint8Array | number) =>
  typeof content === "number"
    ? Uint8Array.of(content)
    : typeof content === "string"
    ? bytesOf(content)
    : content;

/** Writes its parts, then refuses. */
const refuser: Codec<never, (string | Uint8Array | number)[]> = {
  decoder: () => ({ decode: () => undefined }),
  encode(parts, frames) {
    for (const part of parts) put(frames, part);
    throw new Error("refused");
  },
};

const content = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 255 }) },
  // Text of more bytes than characters, and content that is not copied.
  {
    weight: 1,
    arbitrary: fc.constantFrom("\u00e9".repeat(3000), "\u20ac".repeat(5000), "x".repeat(9000)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(16_383, 16_384, 300_000).map((n) => new Uint8Array(n).fill(7)),
  },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: content },
  { weight: 2, arbitrary: fc.record({ refused: fc.array(content, { maxLength: 3 }) }) },
  { weight: 3, arbitrary: fc.constant("take" as const) },
);

Deno.test("FrameBuffer gives out just what was put in, in order, and never touches it again", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const frames = new FrameBuffer();
      const taken: Uint8Array[] = [];
      const takenThen: Uint8Array[] = [];
      const expected: Uint8Array[] = [];
      let length = 0;
      for (const one of [...steps, "take" as const]) {
        if (one === "take") {
          assertEquals(frames.length, length);
          const pieces = frames.take();
          taken.push(...pieces);
          takenThen.push(...pieces.map((piece) => piece.slice()));
          assertEquals(frames.length, length = 0);
        } else if (typeof one === "object" && "refused" in one) {
          assertThrows(() => frames.append(refuser, one.refused), Error, "refused");
        } else {
          put(frames, one);
          expected.push(asBytes(one));
          length += asBytes(one).length;
        }
      }
      assertEquals(joined(taken), joined(expected));
      assertEquals(taken, takenThen);
    }),
    { seed: 3, numRuns: 300 },
  );
});

Deno.test("FrameBuffer makes one piece of many small messages, and does not copy big content", () => {
  const frames = new FrameBuffer();
  for (let i = 0; i < 1000; i++) {
    frames.writeByte(64);
    frames.write(new Uint8Array(63));
    frames.write("some text\n");
  }
  assertEquals(frames.take().map((piece) => piece.length), [74_000]);
  const big = new Uint8Array(20_000);
  frames.write("a");
  frames.write(big);
  frames.write("b");
  const pieces = frames.take();
  assertEquals(pieces.length, 3);
  assertEquals(pieces[1], big);
  assertEquals(pieces[1]!.buffer, big.buffer);
  assertEquals(frames.take(), []);
});

Deno.test("FrameBuffer does not copy a long row of small messages again and again", () => {
  const frames = new FrameBuffer();
  for (let i = 0; i < 20_000; i++) frames.write(new Uint8Array(63));
  const lengths = frames.take().map((piece) => piece.length);
  assertEquals(lengths.reduce((sum, length) => sum + length), 1_260_000);
  // A piece is done when the next copy would be of more than 256 KiB.
  assertEquals(lengths.length, 3);
});

Deno.test("FrameBuffer refuses what is neither bytes nor text", () => {
  const frames = new FrameBuffer();
  assertThrows(() => frames.write(1 as never), TypeError, "got 1");
  assertEquals(frames.length, 0);
});
