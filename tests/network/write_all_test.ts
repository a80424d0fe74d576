import { assertEquals, assertRejects } from "@std/assert";
import { writeAll } from "../../src/network/write_all.ts";
import { broken, scriptedTransport } from "../../testing/mod.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("writeAll() sends all of it, in as many writes as it takes", async () => {
  using transport = scriptedTransport([], { writes: [1, 2] });
  await writeAll(transport, bytesOf("hello"));
  assertEquals([transport.writtenText, transport.writes.length], ["hello", 3]);
  await writeAll(transport, new Uint8Array(0));
  assertEquals(transport.writes.length, 3);
  transport.close();
});

Deno.test("writeAll() rejects with what a write rejects with", async () => {
  using transport = scriptedTransport([], { writes: [1, broken()] });
  await assertRejects(() => writeAll(transport, bytesOf("hello")), Deno.errors.BrokenPipe);
  transport.close();
});

Deno.test("writeAll() ends with a stream that tells a count that cannot be", async () => {
  for (const count of [0, 6, NaN]) {
    let calls = 0;
    // It takes everything after a while: a test that never ends would tell nothing.
    const write = ({ length }: Uint8Array) => Promise.resolve(++calls > 100 ? length : count);
    await assertRejects(() => writeAll({ write }, bytesOf("hello")), TypeError, `it took ${count}`);
    assertEquals(calls, 1);
  }
});
