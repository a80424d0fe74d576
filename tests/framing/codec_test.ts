import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { type Codec, cutOff, wholeCodec } from "../../src/framing/codec.ts";
import { framed } from "../../src/framing/framed.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { end } from "../../testing/mod.ts";
import { decodeAll, encodeAll } from "../support/framing.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";
import { bytesOf } from "../support/text.ts";

/** A codec that remembers nothing: one digit for the length, then the text. */
const digits: Codec<string> = {
  decoder() {
    return {
      decode(bytes) {
        if (bytes.length === 0) return undefined;
        const length = bytes.at(0) - 0x30;
        if (bytes.length <= length) return undefined;
        return new TextDecoder().decode(bytes.take(length + 1).subarray(1));
      },
    };
  },
  encode: (message, frames) => frames.write(`${message.length}${message}`),
};

Deno.test("A codec of one's own need not care how bytes are cut, or where the stream ends", async () => {
  const bytes = encodeAll(digits, ["one", "", "three"]);
  assertEquals(bytes, bytesOf("3one05three"));
  assertEquals(decodeAll(digits, [bytes.slice(0, 2), bytes.slice(2)]), [
    { message: "one" },
    { message: "" },
    { message: "three" },
  ]);
  const { connection } = scriptedConnection(["3on", "e05thr", end()]);
  const messages = framed(connection, digits);
  assertEquals([await messages.receive(), await messages.receive()], ["one", ""]);
  assertEquals(
    await messages.receive().catch((error: Error) => error.message),
    [
      "Cannot decode: the stream ended 4 bytes into the frame at byte 5",
    ][0],
  );
  connection.abort();
});

Deno.test("wholeCodec() gives a codec, and refuses what is none", () => {
  const codec = new LineCodec();
  assertStrictEquals(wholeCodec(codec), codec);
  const encode = () => {};
  const wrongs = [{}, { encode, decoder: {} }, { encode: 1 }, { decoder: 1 }, {
    decoder: 1,
    encode,
  }];
  for (const wrong of [undefined, null, "lines", ...wrongs]) {
    assertThrows(() => wholeCodec(wrong as never), TypeError, "codec must");
  }
});

Deno.test("A codec of one direction works in that one, and says what is missing in the other", async () => {
  const lines = new LineCodec();
  const { connection, peer } = scriptedConnection(["a\nb\n", end()]);
  const received = framed(connection, { decoder: () => lines.decoder() });
  assertEquals(await received.receive(), "a");
  await assertRejects(() => received.send("x" as never), TypeError, "it only receives");
  const sent = framed(connection, { encode: (line: string, frames) => lines.encode(line, frames) });
  assertEquals(await sent.send("x"), 2);
  await assertRejects(() => sent.receive(), TypeError, "it only sends");
  assertEquals([await received.receive(), peer.written.length], ["b", 2]);
  connection.abort();
});

Deno.test("cutOff() says how much of the frame was there, and drops it", () => {
  const bytes = new ByteQueue();
  bytes.push(bytesOf("1234567"));
  bytes.skip(4);
  const { message } = cutOff(bytes, 5);
  assertEquals(message, "Cannot decode: the stream ended 3 bytes into the frame of 5 at byte 4");
  assertEquals(bytes.length, 0);
});
