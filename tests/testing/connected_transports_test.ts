import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { connectedTransports, VirtualClock } from "../../testing/mod.ts";

Deno.test("connectedTransports() carries every byte once, in order, whatever the sizes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 64 }),
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 100 }),
      async (capacity, sizes, readSize) => {
        const [a, b] = connectedTransports({ capacity });
        const sent: number[] = [];
        const sending = (async () => {
          for (const size of sizes) {
            let bytes = Uint8Array.from({ length: size }, (_, i) => (sent.length + i) & 255);
            sent.push(...bytes);
            while (bytes.length > 0) bytes = bytes.subarray(await a.write(bytes));
          }
          await a.closeWrite();
        })();
        const got: number[] = [];
        const buffer = new Uint8Array(readSize);
        for (let n = await b.read(buffer); n !== null; n = await b.read(buffer)) {
          got.push(...buffer.subarray(0, n));
        }
        await sending;
        assertEquals(got, sent);
        assertEquals(await b.write(new Uint8Array(1)), 1);
      },
    ),
  );
});

Deno.test("connectedTransports() holds no more than its capacity", async () => {
  const [a, b] = connectedTransports({ capacity: 4 });
  assertEquals(await a.write(new Uint8Array(10)), 4);
  let done = false;
  const waiting = a.write(new Uint8Array(10)).then((n) => (done = true, n));
  await new VirtualClock().settle();
  assertEquals(done, false);
  assertEquals(await b.read(new Uint8Array(3)), 3);
  assertEquals(await waiting, 3);
  assertThrows(() => connectedTransports({ capacity: 0 }), RangeError, "capacity must be");
});

Deno.test("connectedTransports() ends, resets and interrupts as the kernel does", async () => {
  const buffer = new Uint8Array(8);
  {
    const [a, b] = connectedTransports();
    await a.write(new Uint8Array(3));
    a.close();
    assertEquals([await b.read(buffer), await b.read(buffer)], [3, null]);
    assertEquals(await b.write(buffer), 8);
    await assertRejects(() => b.write(buffer), Deno.errors.BrokenPipe);
    await assertRejects(() => a.read(buffer), Deno.errors.BadResource);
    assertThrows(() => a.close(), Deno.errors.BadResource);
  }
  {
    const [a, b] = connectedTransports();
    await b.write(new Uint8Array(1));
    await a.write(new Uint8Array(3));
    a.close(); // With one byte unread: what b has not read is gone.
    await assertRejects(() => b.read(buffer), Deno.errors.ConnectionReset);
    await assertRejects(() => b.write(buffer), Deno.errors.BrokenPipe);
  }
  {
    const [a, b] = connectedTransports();
    const reading = assertRejects(() => a.read(buffer), Deno.errors.ConnectionReset);
    b.reset?.();
    await reading;
    const own = connectedTransports()[0];
    const interrupted = assertRejects(() => own.read(buffer), Deno.errors.Interrupted);
    own.close();
    await interrupted;
  }
});
