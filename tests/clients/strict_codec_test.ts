import { assertEquals, assertThrows } from "@std/assert";
import { strictCodec } from "../../src/clients/strict_codec.ts";
import { JsonLinesCodec, LineCodec } from "../../mod.ts";

Deno.test("strictCodec() lets no bad message be passed over where answers come in order", () => {
  const skipping = new JsonLinesCodec({ onBadFrame() {} });
  assertEquals(strictCodec(skipping, true).onBadFrame, skipping.onBadFrame);
  assertEquals(strictCodec(skipping, false).onBadFrame, undefined);
  const plain = new LineCodec();
  assertEquals(strictCodec(plain, false), plain);
});

Deno.test("strictCodec() refuses a codec of one direction", () => {
  for (const codec of [undefined, {}, { decoder() {} }, { encode() {} }]) {
    assertThrows(() => strictCodec(codec as never, true), TypeError, "codec must have the methods");
  }
});
