import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ReadBuffer } from "../src/read_buffer.ts";

const KIB = 1024;

/** A kernel read that puts `length` bytes of one value into the target. */
function read(buffer: ReadBuffer, length: number, value = 7): Uint8Array<ArrayBuffer> {
  buffer.target.fill(value, 0, length);
  return buffer.take(length);
}

Deno.test("ReadBuffer starts small, grows on full reads and shrinks after many small ones", () => {
  const buffer = new ReadBuffer();
  const sizes = [];
  for (let i = 0; i < 6; i++) {
    sizes.push(buffer.target.length / KIB);
    read(buffer, buffer.target.length);
  }
  assertEquals(sizes, [1, 4, 16, 64, 256, 256]);
  for (let i = 0; i < 1_000; i++) read(buffer, 10);
  assertEquals(buffer.target.length, KIB);
});

Deno.test("ReadBuffer does not shrink while reads are large", () => {
  const buffer = new ReadBuffer();
  while (buffer.target.length < 64 * KIB) read(buffer, buffer.target.length);
  for (let i = 0; i < 1_000; i++) {
    read(buffer, 10);
    if (i % 32 === 0) read(buffer, 20 * KIB);
  }
  assertEquals(buffer.target.length, 64 * KIB);
});

Deno.test("ReadBuffer gives small reads as views that follow each other in one slab", () => {
  const buffer = new ReadBuffer();
  const first = read(buffer, 100, 1);
  const second = read(buffer, 100, 2);
  assert(first.buffer === second.buffer);
  assertEquals(second.byteOffset, first.byteOffset + 100);
  assert(first.every((byte) => byte === 1) && second.every((byte) => byte === 2));
});

Deno.test("ReadBuffer pins little: whoever keeps a few bytes keeps no big buffer", () => {
  const buffer = new ReadBuffer();
  while (buffer.target.length < 256 * KIB) read(buffer, buffer.target.length);
  for (const length of [1, 64, 512, 513, 4 * KIB]) {
    assert(read(buffer, length).buffer.byteLength <= Math.max(length, 2 * KIB), `${length}`);
  }
});

Deno.test("ReadBuffer survives that the user transfers what it handed out", () => {
  const buffer = new ReadBuffer();
  const small = read(buffer, 10, 1);
  structuredClone(small, { transfer: [small.buffer] });
  assertEquals(read(buffer, 10, 2), new Uint8Array(10).fill(2));
  const whole = read(buffer, buffer.target.length, 3);
  structuredClone(whole, { transfer: [whole.buffer] });
  assertEquals(read(buffer, 4, 4), new Uint8Array(4).fill(4));
});

Deno.test("ReadBuffer never lets the kernel read into what it handed out", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          percent: fc.integer({ min: 0, max: 100 }),
          cap: fc.integer({ min: 1, max: 300_000 }),
        }),
        {
          maxLength: 200,
          size: "max",
        },
      ),
      (reads) => {
        const buffer = new ReadBuffer();
        const handedOut: [Uint8Array, number][] = [];
        for (const [i, { percent, cap }] of reads.entries()) {
          const { target } = buffer;
          assert(handedOut.every(([bytes]) => bytes.buffer !== target.buffer));
          const length = Math.min(cap, Math.max(1, Math.round((percent * target.length) / 100)));
          handedOut.push([read(buffer, length, i % 256), i % 256]);
        }
        for (const [bytes, value] of handedOut) assert(bytes.every((byte) => byte === value));
      },
    ),
    { seed: 20_260, numRuns: 200 },
  );
});
