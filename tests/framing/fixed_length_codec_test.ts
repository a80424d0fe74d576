import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { GenericError } from "../../src/base/errors.ts";
import { FixedLengthCodec } from "../../src/framing/fixed_length_codec.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import { cutAt, cutIntoBytes, cutPlaces, decodeAll, encodeAll } from "../support/framing.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("FixedLengthCodec gives any bytes back in messages of its length, however they are cut", () => {
  const anyBytes = fc.uint8Array({ maxLength: 60, size: "max" }) as fc.Arbitrary<
    Uint8Array<ArrayBuffer>
  >;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), anyBytes, cutPlaces, (length, bytes, cuts) => {
      const codec = new FixedLengthCodec(length);
      const left = bytes.length % length;
      const start = bytes.length - left;
      const messages = [];
      for (let at = 0; at < start; at += length) messages.push(bytes.slice(at, at + length));
      const error =
        `Cannot decode: the stream ended ${left} bytes into the frame of ${length} at byte ${start}`;
      const expected = [
        ...messages.map((message) => ({ message })),
        ...left > 0 ? [{ error }] : [],
      ];
      assertEquals(decodeAll(codec, cutAt(bytes, cuts)), expected);
      assertEquals(decodeAll(codec, cutIntoBytes(bytes)), expected);
      assertEquals(encodeAll(codec, messages), bytes.slice(0, start));
    }),
    { seed: 3 },
  );
});

Deno.test("FixedLengthCodec refuses a wrong length, of its messages and of one message", () => {
  assertThrows(() => new FixedLengthCodec(0), RangeError, "length");
  assertThrows(() => new FixedLengthCodec(2 ** 40), RangeError, "1099511627776");
  assertThrows(() => new FixedLengthCodec("4" as never), TypeError, '"4"');
  const codec = new FixedLengthCodec(4);
  const refusal = (message: string) =>
    assertThrows(() => codec.encode(message, new FrameBuffer()), GenericError);
  assertEquals(refusal("123").message, "Cannot encode: the message is 3 bytes long, not 4");
  assertEquals(refusal("12345").code, "frame");
  assertEquals(encodeAll(codec, ["1234", bytesOf("5678")]), bytesOf("12345678"));
});
