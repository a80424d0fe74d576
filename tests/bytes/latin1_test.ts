import { assertEquals } from "@std/assert";
import { latin1Bytes, latin1Of } from "../../src/bytes/latin1.ts";

Deno.test("latin1Of() makes a character of each byte, and latin1Bytes() the other way round", () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i % 256);
  const text = latin1Of(bytes);
  assertEquals([text.length, text.charCodeAt(0x80), text.at(0xe9)], [20_000, 0x80, "é"]);
  assertEquals(latin1Bytes(text), bytes);
});

Deno.test("latin1Bytes() has no byte for what is not Latin-1", () => {
  assertEquals(latin1Bytes("10 €"), undefined);
});
