import { assert, assertEquals } from "@std/assert";
import { HandOut } from "../../src/bytes/hand_out.ts";

Deno.test("HandOut.copy() gives bytes that nothing is ever written over", () => {
  const handOut = new HandOut();
  const copies: Uint8Array[] = [];
  for (let i = 0; i < 500; i++) {
    const bytes = new Uint8Array(i * 5 % 2_300).fill(i);
    copies.push(handOut.copy(bytes));
    bytes.fill(0);
  }
  copies.forEach((copy, i) => {
    assertEquals(copy.length, i * 5 % 2_300);
    assert(copy.every((byte) => byte === (i & 255)));
  });
});

Deno.test("HandOut.copy() keeps small bytes together and pins little memory", () => {
  const handOut = new HandOut();
  const [one, other] = [handOut.copy(new Uint8Array(64)), handOut.copy(new Uint8Array(64))];
  assert(one.buffer === other.buffer);
  assert(one.buffer.byteLength <= 8_192);
  assertEquals(handOut.copy(new Uint8Array(2_049)).buffer.byteLength, 2_049);
  assertEquals(handOut.copy(new Uint8Array(0)).length, 0);
});

Deno.test("HandOut.copy() goes on after a slab was transferred away", () => {
  const handOut = new HandOut();
  const first = handOut.copy(new Uint8Array([1]));
  structuredClone(first.buffer, { transfer: [first.buffer] });
  assertEquals(handOut.copy(new Uint8Array([2])), new Uint8Array([2]));
  assertEquals(handOut.copy(new Uint8Array(0)).length, 0);
});

Deno.test("HandOut.copy() goes on after the buffer of nothing was transferred away", () => {
  const handOut = new HandOut();
  const { buffer } = handOut.copy(new Uint8Array(0));
  structuredClone(buffer, { transfer: [buffer] });
  assertEquals(handOut.copy(new Uint8Array(0)).length, 0);
});

Deno.test("HandOut.copy() pins more memory only with long pieces", () => {
  const handOut = new HandOut(32_768);
  const largest = (length: number) => {
    let most = 0;
    for (let i = 0; i < 1_000; i++) {
      most = Math.max(most, handOut.copy(new Uint8Array(length)).buffer.byteLength);
    }
    return most;
  };
  assertEquals([largest(64), largest(1_400)], [8_192, 32_768]);
  // Those still in a large slab are few.
  for (let i = 0; i < 1_000; i++) handOut.copy(new Uint8Array(64));
  assertEquals(largest(64), 8_192);
});
