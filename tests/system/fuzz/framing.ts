// Throws random bytes at every decoder: deno task fuzz [inputs for each decoder] [seed]
//
// Whatever arrives, a decoder gives messages, waits for more or throws "frame"; it ends, gives no more bytes than it
// got, and does the same however the bytes were cut.

import { ByteQueue } from "../../../src/bytes/byte_queue.ts";
import { GenericError } from "../../../src/base/errors.ts";
import type { Codec } from "../../../src/framing/codec.ts";
import { DelimiterCodec } from "../../../src/framing/delimiter_codec.ts";
import { FixedLengthCodec } from "../../../src/framing/fixed_length_codec.ts";
import { JsonLinesCodec } from "../../../src/framing/json_lines_codec.ts";
import { LengthPrefixCodec } from "../../../src/framing/length_prefix_codec.ts";
import { LineCodec } from "../../../src/framing/line_codec.ts";
import { NetstringCodec } from "../../../src/framing/netstring_codec.ts";
import { decodeAll, type Outcome } from "../../support/framing.ts";
import { bytesOf } from "../../support/text.ts";

/** A decoder and the usual pieces of its input. */
export interface Target {
  readonly name: string;
  readonly codec: Codec<unknown, never>;
  readonly usual: readonly (string | readonly number[])[];
}

const lines = [
  "\n",
  "\r\n",
  "\r",
  "text",
  "\u00e9",
  "\ufeff",
  "\u{1f600}",
  [0xc3],
  [0xff],
  "12345678",
];
const lengths = [[0], [0, 0, 0], [1], [2], [3], [5], [9], [128], [255], "hello", [
  0,
  0,
  0,
  2,
  1,
  2,
]];

/** All decoders of the library. */
export const targets: readonly Target[] = [
  { name: "LineCodec", codec: new LineCodec({ maxFrameLength: 9 }), usual: lines },
  { name: "LineCodec, replacing", codec: new LineCodec({ invalidBytes: "replace" }), usual: lines },
  {
    name: "DelimiterCodec",
    codec: new DelimiterCodec("abab", { maxFrameLength: 9 }),
    usual: ["abab", "ab", "a", "b", "c"],
  },
  {
    name: "LengthPrefixCodec",
    codec: new LengthPrefixCodec({ maxFrameLength: 9 }),
    usual: lengths,
  },
  {
    name: "LengthPrefixCodec, varint",
    codec: new LengthPrefixCodec({ prefixLength: "varint", prefixOffset: 1, maxFrameLength: 9 }),
    usual: lengths,
  },
  {
    name: "LengthPrefixCodec, adjusted",
    codec: new LengthPrefixCodec({
      prefixLength: 2,
      littleEndian: true,
      prefixOffset: 1,
      lengthAdjustment: -3,
      strip: 4,
      maxFrameLength: 9,
    }),
    usual: lengths,
  },
  {
    name: "LengthPrefixCodec, 8 bytes",
    codec: new LengthPrefixCodec({ prefixLength: 8, prefixIncluded: true, maxFrameLength: 9 }),
    usual: lengths,
  },
  { name: "FixedLengthCodec", codec: new FixedLengthCodec(5), usual: ["a", "hello"] },
  {
    name: "NetstringCodec",
    codec: new NetstringCodec({ maxFrameLength: 12 }),
    usual: ["5:hello,", "0:,", "12:", "1", "0", ":", ",", "hello, world"],
  },
  {
    name: "JsonLinesCodec",
    codec: new JsonLinesCodec({ maxFrameLength: 20 }),
    usual: ["\n", "\r\n", '{"a":', "[1,", "null", "}", "]", '"', "\\u0041", " ", "1e9", "\u00e9", [
      0xff,
    ]],
  },
];

/** Feeds a decoder with that many random inputs; throws at the first that it handles wrongly. */
export function fuzz({ codec, usual }: Target, inputs: number, seed: number): void {
  const random = randomFrom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const tokens = usual.map((one) => typeof one === "string" ? bytesOf(one) : Uint8Array.from(one));
  for (let i = 0; i < inputs; i++) {
    const bytes = randomInput(tokens, below);
    try {
      const whole = decodeAll(codec, [bytes]);
      if (givenBytes(whole) > bytes.length) {
        throw new Error("The decoder has given more than it got");
      }
      const cut = decodeAll(codec, randomPieces(bytes, below));
      if (shown(cut) !== shown(whole)) {
        throw new Error(`Whole: ${shown(whole)}\n  Cut: ${shown(cut)}`);
      }
      if (i % 8 === 0) decodeWithThief(codec, bytes, below);
    } catch (cause) {
      throw new Error(`Input ${i} of seed ${seed} goes wrong: [${bytes}]`, { cause });
    }
  }
}

/** Another reader takes bytes in between, as a user of the connection may. */
function decodeWithThief(
  codec: Codec<unknown, never>,
  bytes: Uint8Array<ArrayBuffer>,
  below: (limit: number) => number,
) {
  const queue = new ByteQueue();
  const decoder = codec.decoder();
  for (const piece of randomPieces(bytes, below)) {
    queue.push(piece);
    try {
      decoder.decode(queue, false);
    } catch (error) {
      if (!(error instanceof GenericError) || error.code !== "frame") throw error;
    }
    queue.skip(below(queue.length + 1));
  }
}

function randomInput(
  tokens: readonly Uint8Array[],
  below: (limit: number) => number,
): Uint8Array<ArrayBuffer> {
  const values: number[] = [];
  for (let left = 1 + below(12); left > 0; left--) {
    if (below(10) === 0) values.push(below(256));
    else values.push(...tokens[below(tokens.length)]!);
  }
  return Uint8Array.from(values);
}

function randomPieces(
  bytes: Uint8Array<ArrayBuffer>,
  below: (limit: number) => number,
): Uint8Array<ArrayBuffer>[] {
  const pieces = [];
  const longest = 1 + below(8);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + below(longest);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** How many bytes the messages of bytes have. */
function givenBytes(outcomes: Outcome<unknown>[]): number {
  let sum = 0;
  for (const outcome of outcomes) {
    if ("message" in outcome && outcome.message instanceof Uint8Array) {
      sum += outcome.message.length;
    }
  }
  return sum;
}

function shown(outcomes: Outcome<unknown>[]): string {
  let text = "";
  for (const outcome of outcomes) {
    if ("error" in outcome) text += `!${outcome.error}\n`;
    else if (outcome.message instanceof Uint8Array) text += `=${outcome.message.join()}\n`;
    else text += `=${JSON.stringify(outcome.message)}\n`;
  }
  return text;
}

/** Random numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (import.meta.main) {
  const inputs = Number(Deno.args[0] ?? 1_000_000);
  const seed = Number(Deno.args[1] ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`${inputs} inputs for each decoder, seed ${seed}`);
  for (const target of targets) {
    const start = performance.now();
    fuzz(target, inputs, seed);
    console.log(`${target.name}: ok, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
}
