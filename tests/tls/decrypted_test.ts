import { assertEquals, assertRejects } from "@std/assert";
import { Decrypted } from "../../src/tls/decrypted.ts";

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}

Deno.test("Decrypted gives what has come in order, as much as fits", async () => {
  const decrypted = new Decrypted();
  decrypted.push(bytes(1, 2, 3));
  decrypted.push(bytes(4));
  const buffer = new Uint8Array(2);
  assertEquals([await decrypted.read(buffer), ...buffer], [2, 1, 2]);
  assertEquals([await decrypted.read(buffer), ...buffer], [2, 3, 4]);
});

Deno.test("Decrypted hands what comes to whoever waits, and keeps the rest", async () => {
  const decrypted = new Decrypted();
  const buffer = new Uint8Array(2);
  const reading = decrypted.read(buffer);
  assertEquals(decrypted.isAwaited, true);
  decrypted.push(bytes(1));
  decrypted.push(bytes(2, 3));
  assertEquals(decrypted.isAwaited, true);
  decrypted.deliver();
  assertEquals(decrypted.isAwaited, false);
  assertEquals([await reading, ...buffer], [2, 1, 2]);
  assertEquals([await decrypted.read(buffer), buffer[0]], [1, 3]);
});

Deno.test("Decrypted tells the end and a failure only behind what came before", async () => {
  const [ended, failed] = [new Decrypted(), new Decrypted()];
  const buffer = new Uint8Array(8);
  ended.push(bytes(1));
  ended.end();
  assertEquals([await ended.read(buffer), await ended.read(buffer)], [1, null]);
  const reading = failed.read(buffer);
  failed.push(bytes(1));
  failed.fail(new Error("first"));
  failed.fail(new Error("second"));
  assertEquals(await reading, 1);
  await assertRejects(() => failed.read(buffer), Error, "first");
});

Deno.test("Decrypted.giveUp() ends one wait and nothing else", async () => {
  const decrypted = new Decrypted();
  const buffer = new Uint8Array(8);
  const reading = decrypted.read(buffer);
  decrypted.giveUp(new Error("given up"));
  await assertRejects(() => reading, Error, "given up");
  decrypted.push(bytes(7));
  assertEquals([await decrypted.read(buffer), buffer[0]], [1, 7]);
});

Deno.test("Decrypted frees a big chunk that was taken, unless it shares its buffer", async () => {
  const decrypted = new Decrypted();
  const own = new Uint8Array(16 * 1024).fill(1);
  const shared = new Uint8Array(32 * 1024).fill(2).subarray(16 * 1024);
  decrypted.push(own);
  decrypted.push(shared);
  const buffer = new Uint8Array(16 * 1024);
  assertEquals([await decrypted.read(buffer), buffer.at(-1)], [16 * 1024, 1]);
  assertEquals([await decrypted.read(buffer), buffer.at(-1)], [16 * 1024, 2]);
  assertEquals([own.buffer.detached, shared.buffer.detached], [true, false]);
});

Deno.test("Decrypted.deliver() rejects who waits with a buffer that is gone, and the next one gets the bytes", async () => {
  const decrypted = new Decrypted();
  const buffer = new Uint8Array(4);
  const reading = assertRejects(() => decrypted.read(buffer), TypeError);
  buffer.buffer.transfer();
  decrypted.push(bytes(1, 2, 3));
  decrypted.deliver();
  await reading;
  const next = new Uint8Array(4);
  assertEquals([await decrypted.read(next), ...next], [3, 1, 2, 3, 0]);
});
