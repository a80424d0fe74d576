// What decoding costs must grow with the bytes, not with what was already looked at.

import { assertEquals, assertLess } from "@std/assert";
import { ByteQueue } from "../../src/byte_queue.ts";
import type { Codec } from "../../src/framing/codec.ts";
import { DelimiterCodec } from "../../src/framing/delimiter_codec.ts";
import { FixedLengthCodec } from "../../src/framing/fixed_length_codec.ts";
import { JsonLinesCodec } from "../../src/framing/json_lines_codec.ts";
import { LengthPrefixCodec } from "../../src/framing/length_prefix_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { NetstringCodec } from "../../src/framing/netstring_codec.ts";
import { encodeAll } from "../support/framing.ts";

const PIECE = 64;

/** How long it takes to decode bytes that come in small pieces, in the best of three runs. */
function cost<In>(codec: Codec<In, never>, bytes: Uint8Array, messages: number): number {
  let least = Infinity;
  for (let run = 0; run < 3; run++) {
    const queue = new ByteQueue();
    const decoder = codec.decoder();
    let found = 0;
    const start = performance.now();
    for (let at = 0; at < bytes.length; at += PIECE) {
      queue.push(bytes.slice(at, at + PIECE));
      while (decoder.decode(queue, false) !== undefined) found++;
    }
    least = Math.min(least, performance.now() - start);
    assertEquals(found, messages);
  }
  return least;
}

const large = 1_000_000;
const small = large / 16;

for (
  const [name, codecOf] of [
    ["LineCodec", () => new LineCodec()],
    ["JsonLinesCodec", () => new JsonLinesCodec<string>()],
    ["DelimiterCodec", () => new DelimiterCodec("\r\n")],
    ["LengthPrefixCodec", () => new LengthPrefixCodec()],
    ["NetstringCodec", () => new NetstringCodec()],
    ["FixedLengthCodec", (length: number) => new FixedLengthCodec(length)],
  ] as [string, (length: number) => Codec<unknown, string>][]
) {
  Deno.test(`${name} takes a message that comes in small pieces at a cost that grows with its length only`, () => {
    const costOf = (length: number) =>
      cost(codecOf(length), encodeAll(codecOf(length), ["x".repeat(length)]), 1);
    costOf(large);
    // 16 times the bytes, with room for noise; with the square it would be 256 times.
    assertLess(costOf(large), Math.max(costOf(small), 0.5) * 16 * 5);
  });
}

Deno.test("LineCodec does not read a window again for each of the lines before a bad one", () => {
  const costOf = (last: number) => {
    const bytes = new TextEncoder().encode("x\n".repeat(100_000));
    for (let at = 4090; at < bytes.length; at += 4096) bytes[at] = last;
    const queue = new ByteQueue();
    queue.push(bytes);
    const decoder = new LineCodec().decoder();
    const start = performance.now();
    let calls = 0;
    while (queue.length > 0) {
      calls++;
      try {
        decoder.decode(queue, false);
      } catch { /* one of the bad ones */ }
    }
    assertEquals(calls, 100_000);
    return performance.now() - start;
  };
  costOf(0x78);
  const bad = Math.min(costOf(0xff), costOf(0xff));
  // Each line by itself costs less than a hundred times its share of a window; all of it again, a thousand times.
  assertLess(bad, Math.max(Math.min(costOf(0x78), costOf(0x78)), 1) * 100);
});
