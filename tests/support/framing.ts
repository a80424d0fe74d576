// Runs codecs on arrays: what comes out of which bytes, however they were cut.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { GenericError } from "../../src/base/errors.ts";
import type { Codec } from "../../src/framing/codec.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import { joined } from "./joined.ts";
import { bytesOf } from "./text.ts";

/** One thing that a decoder did: it gave a message, or threw a "frame" error. */
export type Outcome<In> = { readonly message: In } | { readonly error: string };

/** Bytes cut into pieces at these places, which are taken in order and as far as they fit. */
export function cutAt(
  bytes: Uint8Array<ArrayBuffer>,
  places: Iterable<number>,
): Uint8Array<ArrayBuffer>[] {
  const pieces = [];
  let from = 0;
  for (const place of places) {
    if (place <= from || place >= bytes.length) continue;
    pieces.push(bytes.slice(from, place));
    from = place;
  }
  pieces.push(bytes.slice(from));
  return pieces;
}

/** Bytes cut into single ones. */
export function cutIntoBytes(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

/** The bytes of messages, gathered. */
export function encodeAll<Out>(
  codec: Codec<unknown, Out>,
  messages: readonly Out[],
): Uint8Array<ArrayBuffer> {
  const frames = new FrameBuffer();
  for (const message of messages) frames.append(codec, message);
  return joined(frames.take());
}

/**
 * All that a new decoder does with these pieces, and then the end of the stream. Throws when the decoder throws
 * anything but a "frame" error, or never ends. A decoder that throws the same again without taking anything would do
 * so for ever: that is its last outcome.
 */
export function decodeAll<In>(
  codec: Codec<In, never>,
  pieces: readonly Uint8Array<ArrayBuffer>[],
): Outcome<In>[] {
  const bytes = new ByteQueue();
  const decoder = codec.decoder();
  const outcomes: Outcome<In>[] = [];
  let total = 0;
  let calls = 0;
  // Whether the decoder has come to its last outcome.
  const drain = (ended: boolean): boolean => {
    for (;;) {
      // Each call takes a byte, or gives what earlier bytes brought, or is the last in its row.
      if (++calls > 2 * total + pieces.length + 4) throw new Error("The decoder does not end");
      const { offset, length } = bytes;
      try {
        const message = decoder.decode(bytes, ended);
        if (message === undefined) return false;
        outcomes.push({ message });
      } catch (error) {
        if (!(error instanceof GenericError) || error.code !== "frame") throw error;
        const last = outcomes.at(-1);
        const isStuck = bytes.offset === offset && bytes.length === length;
        if (isStuck && last !== undefined && "error" in last && last.error === error.message) {
          return true;
        }
        outcomes.push({ error: error.message });
      }
      if (bytes.offset + bytes.length !== total) throw new Error("The decoder has put bytes in");
    }
  };
  for (const piece of pieces) {
    bytes.push(piece);
    total += piece.length;
    if (drain(false)) return outcomes;
  }
  if (drain(true)) return outcomes;
  if (bytes.length > 0) outcomes.push({ error: `${bytes.length} bytes are left` });
  return outcomes;
}

/**
 * Checks that a codec gives back what was sent, however its bytes are cut.
 *
 * @param received What comes out, where it is not the same.
 */
export function assertGivenBack<In, Out>(
  codec: Codec<In, Out>,
  sent: readonly Out[],
  cuts: readonly number[],
  received: readonly unknown[] = sent,
): void {
  const bytes = encodeAll(codec, sent);
  const expected = received.map((message) => ({ message }));
  assertEquals<unknown>(decodeAll(codec, cutAt(bytes, cuts)), expected);
  assertEquals<unknown>(decodeAll(codec, cutIntoBytes(bytes)), expected);
}

/** Pieces of bytes, mostly of the given ones, and where to cut what they make together. */
export function bytesAndCuts(
  ...usual: readonly (string | Uint8Array)[]
): fc.Arbitrary<{ bytes: Uint8Array<ArrayBuffer>; cuts: number[] }> {
  const pieces = usual.map((piece) => typeof piece === "string" ? bytesOf(piece) : piece);
  return fc.record({
    bytes: fc.array(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...pieces) }, {
        weight: 1,
        arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3 }),
      }),
      { maxLength: 40, size: "max" },
    ).map(joined),
    cuts: cutPlaces,
  });
}

/** Places to cut at, close to each other. */
export const cutPlaces: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 12 }), {
  maxLength: 30,
  size: "max",
}).map((gaps) => {
  let at = 0;
  return gaps.map((gap) => at += gap);
});

/**
 * After how many bytes, read one by one, the first frame is refused as too long; `undefined` where there is a message
 * or a wait.
 *
 * @param step Looks at what has arrived; throws a "frame" error, or gives `undefined` to wait.
 */
export function refusedAfter(
  bytes: Uint8Array<ArrayBuffer>,
  step: (queue: ByteQueue) => unknown,
): number | undefined {
  const queue = new ByteQueue();
  for (const [i, piece] of cutIntoBytes(bytes).entries()) {
    queue.push(piece);
    try {
      if (step(queue) !== undefined) return undefined;
    } catch (error) {
      if (!(error instanceof GenericError) || error.code !== "frame") throw error;
      return i + 1;
    }
  }
  return undefined;
}

/**
 * After how many bytes of a frame without end it is certain that it is too long: the obvious slow version,
 * which tries all possible continuations.
 *
 * @param lengthOf How long the first frame is in bytes that have its end.
 */
export function provenAfter(
  bytes: Uint8Array<ArrayBuffer>,
  continuations: readonly Uint8Array<ArrayBuffer>[],
  max: number,
  lengthOf: (bytes: Uint8Array<ArrayBuffer>) => number,
): number | undefined {
  for (let length = 1; length <= bytes.length; length++) {
    const start = bytes.subarray(0, length);
    if (continuations.every((next) => lengthOf(joined([start, next])) > max)) return length;
  }
  return undefined;
}
