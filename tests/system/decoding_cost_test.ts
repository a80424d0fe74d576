// The cost of decoding must grow with the bytes, not with those that were scanned before.

import { assertEquals, assertLess } from "@std/assert";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import type { Codec } from "../../src/framing/codec.ts";
import { DelimiterCodec } from "../../src/framing/delimiter_codec.ts";
import { FixedLengthCodec } from "../../src/framing/fixed_length_codec.ts";
import { JsonLinesCodec } from "../../src/framing/json_lines_codec.ts";
import { LengthPrefixCodec } from "../../src/framing/length_prefix_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { NetstringCodec } from "../../src/framing/netstring_codec.ts";
import { CountingQueue } from "../support/counting_queue.ts";
import { encodeAll } from "../support/framing.ts";

const LONG = 10_000;

for (
  const [name, codec] of [
    ["LineCodec", new LineCodec()],
    ["JsonLinesCodec", new JsonLinesCodec<string>()],
    ["DelimiterCodec", new DelimiterCodec("\r\n")],
    ["LengthPrefixCodec", new LengthPrefixCodec()],
    ["LengthPrefixCodec of varints", new LengthPrefixCodec({ prefixLength: "varint" })],
    ["NetstringCodec", new NetstringCodec()],
    ["FixedLengthCodec", new FixedLengthCodec(LONG)],
  ] as [string, Codec<unknown, string>][]
) {
  for (const pieceLength of [1, 64]) {
    Deno.test(`${name} looks at each byte a few times at most when they come ${pieceLength} at a time`, () => {
      const bytes = encodeAll(codec, ["x".repeat(LONG)]);
      const queue = new CountingQueue();
      const decoder = codec.decoder();
      let messages = 0;
      for (let at = 0; at < bytes.length; at += pieceLength) {
        // A copy: the queue would join pieces that follow each other in one buffer.
        queue.push(bytes.slice(at, at + pieceLength));
        while (decoder.decode(queue, false) !== undefined) messages++;
      }
      assertEquals(messages, 1);
      assertLess(queue.looks, bytes.length * 3);
      assertLess(queue.steps, (bytes.length / pieceLength) * 20);
    });
  }
}

Deno.test("LineCodec does not read a window again for each of the lines before a bad one", () => {
  const bytes = new TextEncoder().encode("x\n".repeat(20_000));
  for (let at = 4090; at < bytes.length; at += 4096) bytes[at] = 0xff;
  const queue = new CountingQueue();
  queue.push(bytes);
  const decoder = new LineCodec().decoder();
  let calls = 0;
  while (queue.length > 0) {
    calls++;
    try {
      decoder.decode(queue, false);
    } catch { /* one of the bad ones */ }
  }
  assertEquals(calls, 20_000);
  assertLess(queue.looks, bytes.length * 5);
});

Deno.test("JsonLinesCodec does not parse a line of white space", () => {
  const { parse } = JSON;
  let parses = 0;
  JSON.parse = (...args) => {
    parses++;
    return parse(...args);
  };
  try {
    for (
      const blank of [
        "\n",
        "\r\n",
        " \n",
        "\t\r \n",
        "\u00a0\n",
        "\u2028 \n",
        `${" ".repeat(999)}\n`,
      ]
    ) {
      parses = 0;
      const queue = new ByteQueue();
      queue.push(new TextEncoder().encode(`${blank.repeat(1_000)} 1\n`));
      assertEquals(new JsonLinesCodec().decoder().decode(queue, false), 1);
      assertEquals(parses, 1, JSON.stringify(blank));
    }
  } finally {
    JSON.parse = parse;
  }
});

for (
  const [name, codec, frame] of [
    ["DelimiterCodec", new DelimiterCodec("\n"), "\n"],
    ["LengthPrefixCodec", new LengthPrefixCodec({ prefixLength: 1 }), "\0"],
    ["LengthPrefixCodec of varints", new LengthPrefixCodec({ prefixLength: "varint" }), "\0"],
    ["NetstringCodec", new NetstringCodec(), "0:,"],
  ] as [string, Codec<Uint8Array<ArrayBuffer>, string>, string][]
) {
  Deno.test(`${name} makes no buffer for a message without a byte, and outlives one that is transferred`, () => {
    const queue = new ByteQueue();
    queue.push(new TextEncoder().encode(frame.repeat(1_000)));
    const decoder = codec.decoder();
    const buffers = new Set<ArrayBuffer>();
    for (let i = 0; i < 1_000; i++) {
      const message = decoder.decode(queue, false)!;
      assertEquals(message, new Uint8Array(0));
      buffers.add(message.buffer);
      if (i === 500) message.buffer.transfer();
    }
    assertLess(buffers.size, 4);
    assertEquals(decoder.decode(queue, false), undefined);
  });
}
