import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { GenericError } from "../../src/base/errors.ts";
import { bytesOf } from "../support/text.ts";
import * as frame from "../../src/framing/frame.ts";

Deno.test("maxFrameLengthOf() gives 1 MiB where nothing else is asked for, and never no limit", () => {
  assertEquals(frame.maxFrameLengthOf({}), 1_048_576);
  assertEquals(frame.maxFrameLengthOf({ maxFrameLength: 1 }), 1);
  assertEquals(frame.maxFrameLengthOf({ maxFrameLength: 536_870_888 }), 536_870_888);
  for (const maxFrameLength of [0, -1, 1.5, Infinity, 536_870_889]) {
    const refused = () => frame.maxFrameLengthOf({ maxFrameLength });
    assertThrows(refused, RangeError, `got ${maxFrameLength}`);
  }
  assertThrows(() => frame.maxFrameLengthOf({ maxFrameLength: NaN }), TypeError, "NaN");
});

Deno.test("The longest message may be the longest string there is", () => {
  assertEquals("x".repeat(536_870_888).length, 536_870_888);
  assertThrows(() => "x".repeat(536_870_889), RangeError);
});

Deno.test("cutOff() says how much of the frame was there, and drops it", () => {
  const bytes = new ByteQueue();
  bytes.push(bytesOf("1234567"));
  bytes.skip(4);
  const { message } = frame.cutOff(bytes, 5);
  assertEquals(message, "Cannot decode: the stream ended 3 bytes into the frame of 5 at byte 4");
  assertEquals(bytes.length, 0);
});

Deno.test("outgoingBytes() gives bytes as they are and text as UTF-8, as many as allowed", () => {
  const bytes = bytesOf("ab");
  assertStrictEquals(frame.outgoingBytes(bytes, 2), bytes);
  assertEquals(frame.outgoingBytes("\u00e9", 2), bytesOf("\u00e9"));
  for (const message of [bytesOf("abc"), "abc", "\u00e9a"]) {
    const error = assertThrows(() => frame.outgoingBytes(message, 2), GenericError);
    assertEquals(error.message, "Cannot encode: the message is longer than 2 bytes");
    assertEquals(error.code, "frame");
  }
  assertThrows(() => frame.outgoingBytes(["a"] as never, 2), TypeError, "Content");
});

Deno.test("checkOutgoingText() counts bytes, not characters", () => {
  frame.checkOutgoingText("\u20ac\u20ac", 6);
  frame.checkOutgoingText("abcdef", 6);
  assertThrows(() => frame.checkOutgoingText("\u20ac\u20aca", 6), GenericError, "6 bytes");
  assertThrows(() => frame.checkOutgoingText(bytesOf("a") as never, 6), TypeError, "Uint8Array");
});
