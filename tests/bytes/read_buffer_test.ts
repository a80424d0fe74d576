import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { loanOf } from "../../src/bytes/loan.ts";
import { ReadBuffer } from "../../src/bytes/read_buffer.ts";

const KIB = 1024;

/** A kernel read that puts `length` bytes of one value into the target. */
function fill(buffer: ReadBuffer, length: number, value = 7): Uint8Array<ArrayBuffer> {
  buffer.renew();
  buffer.target.fill(value, 0, length);
  return buffer.filled(length);
}

/** A kernel read whose bytes are handed out at once. */
function read(buffer: ReadBuffer, length: number, value = 7): Uint8Array<ArrayBuffer> {
  return buffer.give(fill(buffer, length, value), true);
}

/** How large the next kernel read may be. */
function targetSize(buffer: ReadBuffer): number {
  buffer.renew();
  return buffer.target.length;
}

Deno.test("ReadBuffer starts small, grows on full reads and shrinks after many small ones", () => {
  const buffer = new ReadBuffer();
  const sizes = [];
  for (let i = 0; i < 6; i++) {
    sizes.push(targetSize(buffer) / KIB);
    read(buffer, targetSize(buffer));
  }
  assertEquals(sizes, [0.5, 2, 8, 32, 64, 64]);
  for (let i = 0; i < 1_000; i++) read(buffer, 10);
  assertEquals(targetSize(buffer), KIB / 2);
});

Deno.test("ReadBuffer does not shrink while reads are large", () => {
  const buffer = new ReadBuffer();
  while (targetSize(buffer) < 64 * KIB) read(buffer, targetSize(buffer));
  for (let i = 0; i < 1_000; i++) {
    read(buffer, 10);
    if (i % 32 === 0) read(buffer, 20 * KIB);
  }
  assertEquals(targetSize(buffer), 64 * KIB);
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
  while (targetSize(buffer) < 64 * KIB) read(buffer, targetSize(buffer));
  for (const length of [1, 64, 512, 2 * KIB, 2 * KIB + 1, 16 * KIB]) {
    assert(read(buffer, length).buffer.byteLength <= Math.max(length, 8 * KIB), `${length}`);
  }
});

Deno.test("ReadBuffer survives that the user transfers what it handed out", () => {
  const buffer = new ReadBuffer();
  const small = read(buffer, 10, 1);
  structuredClone(small, { transfer: [small.buffer] });
  assertEquals(read(buffer, 10, 2), new Uint8Array(10).fill(2));
  const whole = read(buffer, targetSize(buffer), 3);
  structuredClone(whole, { transfer: [whole.buffer] });
  assertEquals(read(buffer, 4, 4), new Uint8Array(4).fill(4));
});

Deno.test("ReadBuffer keeps what is unread apart from the target and from what it hands out", () => {
  const buffer = new ReadBuffer();
  read(buffer, targetSize(buffer));
  for (const length of [10, 600, 2 * KIB]) {
    const handedOut = read(buffer, 10, 1);
    const unread = buffer.keep(fill(buffer, length, 2));
    buffer.renew();
    assert(unread.buffer !== buffer.target.buffer && unread.buffer !== handedOut.buffer);
    const given = buffer.give(fill(buffer, 20, 3), true);
    assert(given.buffer !== unread.buffer);
    assertEquals([unread.length, unread.every((byte) => byte === 2)], [length, true]);
    // Handed out in parts, it is copied: a transfer of the first must not take the rest along.
    assert(buffer.give(unread.subarray(0, 5), false).buffer !== unread.buffer);
  }
});

Deno.test("ReadBuffer lends the target itself, and reads into it again when the loan has ended", () => {
  const buffer = new ReadBuffer();
  const lent = buffer.lend(fill(buffer, 100, 1));
  assert(buffer.holds(lent) && lent.buffer === buffer.target.buffer);
  buffer.endLoan(false);
  buffer.renew();
  assert(lent.buffer === buffer.target.buffer);
  assertEquals([lent.length, lent[0]], [100, 1]);
});

Deno.test("ReadBuffer does not read into what is lent still, nor into what somebody has borrowed", () => {
  const buffer = new ReadBuffer();
  const lent = buffer.lend(fill(buffer, 100, 1));
  buffer.renew();
  assert(lent.buffer !== buffer.target.buffer);
  buffer.endLoan(true);
  const again = buffer.lend(fill(buffer, 100, 2));
  loanOf(again)!.borrow({ needsBytes: true, copy: () => false });
  buffer.endLoan(true);
  buffer.renew();
  assert(again.buffer !== buffer.target.buffer);
  assertEquals(again[0], 2);
});

Deno.test("ReadBuffer keeps the target of a read that began while bytes of another were lent", () => {
  const buffer = new ReadBuffer();
  const lent = buffer.lend(fill(buffer, 10));
  loanOf(lent)!.borrow({ needsBytes: true, copy: () => false });
  buffer.renew();
  const { target } = buffer;
  assert(target.buffer !== lent.buffer);
  buffer.endLoan(false);
  assert(buffer.target === target);
});

Deno.test("ReadBuffer.isGone tells that the target was transferred away", () => {
  const buffer = new ReadBuffer();
  const lent = fill(buffer, 100);
  assertEquals(buffer.isGone, false);
  structuredClone(lent, { transfer: [lent.buffer] });
  assertEquals(buffer.isGone, true);
  assertEquals(targetSize(buffer), KIB / 2);
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
          buffer.renew();
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

Deno.test("ReadBuffer.giveBack() takes memory that was not needed twice, and harms no bytes", () => {
  const buffer = new ReadBuffer();
  const handedOut = read(buffer, 100, 1);
  const unread = buffer.keep(fill(buffer, 100, 2));
  buffer.renew(true);
  assertEquals([buffer.giveBack(), buffer.giveBack()], [false, true]);
  const next = read(buffer, 100, 3);
  assert(next.buffer !== handedOut.buffer && next.buffer !== unread.buffer);
  assertEquals([handedOut[99], buffer.give(unread, true)[99], next[99]], [1, 2, 3]);
  buffer.retire();
});

Deno.test("ReadBuffer.giveBack() leaves the target to a read that is under way in it", () => {
  const buffer = new ReadBuffer();
  buffer.renew();
  const { target } = buffer;
  assertEquals([buffer.giveBack(), buffer.giveBack(), buffer.giveBack()], [false, false, false]);
  assert(buffer.target === target);
  target.fill(7);
  assertEquals(buffer.filled(10)[9], 7);
  buffer.retire();
});

Deno.test("ReadBuffer.giveBack() leaves lent bytes and their loan alone", () => {
  const buffer = new ReadBuffer();
  const lent = buffer.lend(fill(buffer, 10, 7));
  for (let i = 0; i < 3; i++) buffer.giveBack();
  assert(loanOf(lent) !== undefined);
  buffer.endLoan(false);
  assert(buffer.holds(lent));
  buffer.renew(true);
  assertEquals([buffer.giveBack(), buffer.giveBack()], [true, true]);
  assert(buffer.target.buffer !== lent.buffer);
  assertEquals(lent[9], 7);
  buffer.retire();
});

Deno.test("ReadBuffer.giveBack() counts from the last read", () => {
  const buffer = new ReadBuffer();
  for (let i = 0; i < 10; i++) {
    const { buffer: memory } = fill(buffer, 10);
    buffer.renew(true);
    assert(!buffer.giveBack());
    assert(buffer.target.buffer === memory);
  }
  buffer.retire();
});
