// Bad frames that are skipped: `onBadFrame` of a codec.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { readService } from "../../src/connection/service.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { framed } from "../../src/framing/framed.ts";
import { framedService } from "../../src/framing/framed_service.ts";
import { JsonLinesCodec } from "../../src/framing/json_lines_codec.ts";
import { LengthPrefixCodec } from "../../src/framing/length_prefix_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { mapCodec } from "../../src/framing/map_codec.ts";
import { NetstringCodec } from "../../src/framing/netstring_codec.ts";
import { stepDecoder } from "../../src/framing/step_decoder.ts";
import { end } from "../../testing/mod.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";
import { bytesOf } from "../support/text.ts";

/** What a codec made of a stream, with what it has skipped. */
async function outcome(
  make: (onBadFrame: (error: Error) => void) => Parameters<typeof framed>[1],
  ...script: string[]
) {
  const skipped: string[] = [];
  const { connection } = scriptedConnection([...script, end()]);
  const messages = framed(
    connection,
    make((error) => skipped.push(error.message.slice("Cannot decode: ".length))),
  );
  const got: unknown[] = [];
  for await (const message of messages) got.push(message);
  connection.abort();
  return { got, skipped };
}

Deno.test("onBadFrame: what is bad or too long is skipped and reported, and nothing else", async () => {
  const lines = await outcome(
    (onBadFrame) => new LineCodec({ maxFrameLength: 4, onBadFrame }),
    "ok\ntoo lo",
    "ng\nfine\n",
  );
  assertEquals(lines, {
    got: ["ok", "fine"],
    skipped: ["the line at byte 3 is longer than 4 bytes"],
  });
  const json = await outcome(
    (onBadFrame) => new JsonLinesCodec({ onBadFrame }),
    "1\n{\n2\n\n}\n3",
  );
  assertEquals([json.got, json.skipped.length], [[1, 2, 3], 2]);
  const prefixed = await outcome(
    (onBadFrame) =>
      mapCodec(new LengthPrefixCodec({ prefixLength: 1, maxFrameLength: 3, onBadFrame }), {
        decode: (bytes) => new TextDecoder().decode(bytes),
        encode: (text: string) => text,
      }),
    "\x01a\x05bb",
    "bbb\x01c",
  );
  assertEquals(prefixed, {
    got: ["a", "c"],
    skipped: ["the message at byte 2 is 5 bytes long, 3 are allowed"],
  });
});

Deno.test("onBadFrame: a frame that is cut off by the end is skipped, too", async () => {
  const { got, skipped } = await outcome(
    (onBadFrame) => new LengthPrefixCodec({ prefixLength: 1, onBadFrame }),
    "\x01a\x05bb",
  );
  assertEquals([got.length, skipped.length], [1, 1]);
});

Deno.test("onBadFrame: where no end of the bad frame is known, it is an error as ever", async () => {
  const { connection } = scriptedConnection(["nonsense", end()]);
  const messages = framed(connection, new NetstringCodec({ onBadFrame() {} }));
  for (let i = 0; i < 2; i++) {
    await assertRejects(() => messages.receive(), GenericError, "has no length");
  }
  connection.abort();
});

Deno.test("onBadFrame: a service goes on behind a bad frame, and its replies keep their order", async () => {
  const log: string[] = [];
  const { connection, peer } = scriptedConnection(["a\n\xff\nb\n", "{}{}{}{}{}\nc\n", end()]);
  const codec = new LineCodec({ maxFrameLength: 4, onBadFrame: () => void log.push("bad") });
  serve(
    connection,
    readService(framedService(codec, {
      async onMessage(_caller, line) {
        await undefined;
        log.push(line);
        return line;
      },
    })),
  );
  assertEquals(await connection.closed, undefined);
  assertEquals(log, ["a", "\u00ff", "b", "bad", "c"]);
  assertEquals(new TextDecoder().decode(peer.written), "a\n\u00ff\nb\nc\n");
});

Deno.test("onBadFrame that throws is printed, and ends nothing", async () => {
  const printed: unknown[] = [];
  const original = console.error;
  console.error = (...values: unknown[]) => void printed.push(...values);
  try {
    const { got } = await outcome(() =>
      new LineCodec({
        maxFrameLength: 1,
        onBadFrame() {
          throw new Error("no");
        },
      }), "a\nbb\nc\n");
    assertEquals(got, ["a", "c"]);
    await undefined;
    assertEquals(printed.map((error) => (error as Error).message), ["no"]);
  } finally {
    console.error = original;
  }
});

Deno.test("onBadFrame must be a function", () => {
  for (const Codec of [LineCodec, JsonLinesCodec, LengthPrefixCodec, NetstringCodec]) {
    assertThrows(
      () => new Codec({ onBadFrame: 1 as never }),
      TypeError,
      "onBadFrame must be a function",
    );
  }
});

Deno.test("onBadFrame is called before the message behind the frame", async () => {
  const log: string[] = [];
  const { connection } = scriptedConnection(["a\ntoo long\nb\n", end()]);
  const codec = new LineCodec({ maxFrameLength: 4, onBadFrame: () => void log.push("bad") });
  serve(
    connection,
    readService(framedService(codec, { onMessage: (_caller, line) => void log.push(line) })),
  );
  await connection.closed;
  assertEquals(log, ["a", "bad", "b"]);
});

/** What a codec that skips makes of a stream, cut at each place: always the same. */
async function sameHoweverCut(
  make: (onBadFrame: (error: Error) => void) => Parameters<typeof framed>[1],
  stream: Uint8Array<ArrayBuffer>,
  expected: { got: unknown[]; skipped: string[]; error: string },
): Promise<void> {
  for (let at = 0; at < stream.length; at++) {
    const pieces = at === 0 ? [stream] : [stream.slice(0, at), stream.slice(at)];
    const { connection } = scriptedConnection([...pieces, end()]);
    const skipped: string[] = [];
    const messages = framed(connection, make((error) => skipped.push(error.message)));
    const got: unknown[] = [];
    let error: unknown;
    try {
      for await (const message of messages) got.push(message);
    } catch (thrown) {
      error = thrown;
    }
    connection.abort();
    assertEquals(
      { got, skipped, error: (error as Error | undefined)?.message ?? "" },
      expected,
      `cut at ${at}`,
    );
  }
}

const mapped = { decode: (bytes: Uint8Array) => [...bytes], encode: (_list: number[]) => "" };

Deno.test("onBadFrame is not called for a frame without an end behind one that is skipped", async () => {
  await sameHoweverCut(
    (onBadFrame) =>
      mapCodec(
        new LengthPrefixCodec({
          maxFrameLength: 6,
          prefixLength: 1,
          prefixOffset: 1,
          lengthAdjustment: -3,
          strip: 5,
          onBadFrame,
        }),
        mapped,
      ),
    // One of 4 bytes of which 5 are to be stripped, then one that says that -2 bytes follow.
    Uint8Array.of(1, 5, 0, 97, 0, 1, 0, 0),
    {
      got: [],
      skipped: ["Cannot decode: the frame at byte 0 has 4 bytes, 5 have to be stripped"],
      error: "Cannot decode: the frame at byte 4 says that -2 bytes come behind its length",
    },
  );
});

Deno.test("onBadFrame is called for a message of which parts were taken, however early", async () => {
  await sameHoweverCut(
    (onBadFrame) => ({
      decoder: () =>
        stepDecoder(function* (read) {
          const word = yield* read.line();
          if (word === "set") yield* read.bytes(Number(yield* read.line()));
          return word;
        }, { maxFrameLength: 12 }),
      onBadFrame,
    }),
    bytesOf("set\n-1\nget\nset\n1234567890\nput\n"),
    {
      got: ["get", "1234567890", "put"],
      skipped: [
        "Cannot decode: the message at byte 0 has a part of -1 bytes",
        "Cannot decode: the message at byte 11 is longer than 12 bytes",
      ],
      error: "",
    },
  );
});

Deno.test("onBadFrame is called for each of two bad frames with the same words", async () => {
  const noted = new GenericError("frame", "not even");
  await sameHoweverCut(
    (onBadFrame) => ({
      decoder: () => ({
        decode(bytes) {
          if (bytes.length === 0) return undefined;
          const value = bytes.at(0);
          bytes.skip(1);
          if (value % 2 === 1) throw noted;
          return value;
        },
      }),
      onBadFrame,
    }),
    Uint8Array.of(2, 1, 1, 4, 3),
    { got: [2, 4], skipped: ["not even", "not even", "not even"], error: "" },
  );
});
