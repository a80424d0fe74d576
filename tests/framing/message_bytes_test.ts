import { assertEquals, assertThrows } from "@std/assert";
import { LengthPrefixCodec, LineCodec } from "../../mod.ts";
import type { Codec } from "../../codec.ts";
import { MessageBytes } from "../../src/framing/message_bytes.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("MessageBytes.of() gives bytes in one piece that the user cannot change", () => {
  const bare = new MessageBytes<Uint8Array | string>(undefined);
  assertEquals(text(bare.of("text")), "text");
  const prefixed = new MessageBytes<Uint8Array | string>(new LengthPrefixCodec());
  for (const length of [0, 3, 20_000, 100_000]) {
    const message = new Uint8Array(length).fill(1);
    const [plain, framed] = [bare.of(message), prefixed.of(message)];
    message.fill(2);
    assertEquals([plain.length, framed.length], [length, length + 4]);
    assertEquals([plain.includes(2), framed.subarray(4).includes(2)], [false, false]);
  }
});

Deno.test("MessageBytes.of() of what is no message throws, and leaves nothing behind", () => {
  const lines = new MessageBytes<string>(new LineCodec());
  assertThrows(() => lines.of("a\nb"), Error, "Cannot encode");
  assertEquals(text(lines.of("c")), "c\n");
  const bare = new MessageBytes<Uint8Array | string>(undefined);
  assertThrows(() => bare.of(5 as never), TypeError, "Message must be a Uint8Array or a string");
});

Deno.test("MessageBytes.of() is refused to the codec that is encoding", () => {
  const nested: Codec<string> = {
    decoder: () => new LineCodec().decoder(),
    encode: () => void bytes.of("again"),
  };
  const bytes = new MessageBytes<string>(nested);
  assertThrows(() => bytes.of("once"), TypeError, "another message is being encoded");
});
