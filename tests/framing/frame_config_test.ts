import { assertEquals, assertThrows } from "@std/assert";
import { maxFrameLengthOf } from "../../src/framing/frame_config.ts";

Deno.test("maxFrameLengthOf() gives 1 MiB where nothing else is asked for, and never no limit", () => {
  assertEquals(maxFrameLengthOf({}), 1_048_576);
  assertEquals(maxFrameLengthOf({ maxFrameLength: 1 }), 1);
  assertEquals(maxFrameLengthOf({ maxFrameLength: 536_870_888 }), 536_870_888);
  for (const maxFrameLength of [0, -1, 1.5, Infinity, 536_870_889]) {
    const refused = () => maxFrameLengthOf({ maxFrameLength });
    assertThrows(refused, RangeError, `got ${maxFrameLength}`);
  }
  assertThrows(() => maxFrameLengthOf({ maxFrameLength: NaN }), TypeError, "NaN");
});

Deno.test("The longest message may be the longest string there is", () => {
  assertEquals("x".repeat(536_870_888).length, 536_870_888);
  assertThrows(() => "x".repeat(536_870_889), RangeError);
});
