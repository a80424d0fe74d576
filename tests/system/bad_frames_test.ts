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
import { end } from "../../testing/mod.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";

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
