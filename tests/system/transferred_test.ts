// A message of bytes is a view of what was read, and a transfer of its buffer takes the bytes behind it along: the
// next read reports that, and never gives wrong bytes or waits for ever.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  DelimiterCodec,
  FixedLengthCodec,
  framed,
  framedService,
  LengthPrefixCodec,
  NetstringCodec,
} from "../../mod.ts";
import type { Codec } from "../../codec.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { end } from "../../testing/mod.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";

const WHY = "transferred away with an earlier message";

/** Each with a message as it is sent. */
const codecs: Record<string, [() => Codec<Uint8Array>, string]> = {
  LengthPrefixCodec: [() => new LengthPrefixCodec({ maxFrameLength: 4096 }), "\0\0\0\x03abc"],
  NetstringCodec: [() => new NetstringCodec(), "3:abc,"],
  FixedLengthCodec: [() => new FixedLengthCodec(3), "abc"],
  DelimiterCodec: [() => new DelimiterCodec(";"), "abc;"],
};

function transfer(bytes: Uint8Array): void {
  structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
}

for (const [name, [make, one]] of Object.entries(codecs)) {
  // All in one read, or the second message cut, or the rest in a read of its own.
  for (const reads of [[one + one + one], [one + one[0], one.slice(1) + one], [one + one, one]]) {
    Deno.test(`${name} tells who has transferred what lay behind a message: ${JSON.stringify(reads)}`, async () => {
      const { connection } = scriptedConnection([...reads, end()]);
      const messages = framed(connection, make());
      transfer((await messages.receive())!);
      for (let i = 0; i < 2; i++) {
        await assertRejects(() => messages.receive(), TypeError, WHY);
      }
      await assertRejects(() => connection.read(), TypeError, WHY);
      await assertRejects(() => connection.read(1), TypeError, WHY);
      await assertRejects(() => connection.peek(1), TypeError, WHY);
      await assertRejects(() => connection.readUntil("c"), TypeError, WHY);
      await assertRejects(() => connection[Symbol.asyncIterator]().next(), TypeError, WHY);
      await assertRejects(() => connection.readable.getReader().read(), TypeError, WHY);
      connection.abort();
    });
  }

  Deno.test(`${name}: a message with nothing behind it may be transferred`, async () => {
    const { connection } = scriptedConnection([one, one, one, end()]);
    const messages = framed(connection, make());
    for (let i = 0; i < 3; i++) {
      const message = (await messages.receive())!;
      assertEquals(new TextDecoder().decode(message), "abc");
      transfer(message);
    }
    assertEquals(await messages.receive(), undefined);
    connection.abort();
  });
}

Deno.test("framedService tells onError of a message that took others along, and closes", async () => {
  const { connection, clock } = scriptedConnection(["abcabc"]);
  const told = Promise.withResolvers<Error>();
  serve(
    connection,
    framedService(new FixedLengthCodec(3), {
      onMessage: (_caller, message) => transfer(message),
      onError: (_caller, error) => told.resolve(error),
    }),
  );
  assertStringIncludes((await told.promise).message, WHY);
  await clock.advance(50);
  assertEquals((await connection.closed)?.code, "handler");
});
