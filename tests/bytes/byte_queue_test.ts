import { assert, assertEquals, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const queueOf = (...chunks: Uint8Array<ArrayBuffer>[]) => {
  const queue = new ByteQueue();
  for (const chunk of chunks) queue.push(chunk);
  return queue;
};

/** The obvious slow version: one array, copied and scanned from its start every time. */
class SlowQueue {
  bytes: number[] = [];
  offset = 0;
  take(length: number): number[] {
    this.offset += length;
    return this.bytes.splice(0, length);
  }
  indexOf(needle: number[], from: number): number {
    for (let i = from; i + needle.length <= this.bytes.length; i++) {
      if (needle.every((byte, k) => this.bytes[i + k] === byte)) return i;
    }
    return -1;
  }
}

/** Keeps bytes one after the other, and overwrites the originals. */
class Slab {
  readonly #bytes = new Uint8Array(10_000);
  #used = 0;
  keep(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const kept = this.#bytes.subarray(this.#used, this.#used += bytes.length);
    kept.set(bytes);
    bytes.fill(9);
    return kept;
  }
}

// Few byte values, so that a byte sequence is often begun and sometimes found. Lengths are given as a share
// of what is there.
const someBytes = (maxLength: number) =>
  fc.array(fc.integer({ min: 0, max: 2 }), { maxLength, size: "max" }).map((values) =>
    Uint8Array.from(values)
  );
const step = fc.oneof(
  fc.record({ do: fc.constant("push" as const), chunk: someBytes(9) }),
  fc.record({ do: fc.constant("push" as const), chunk: someBytes(90) }),
  fc.record({ do: fc.constant("push slab" as const), chunk: someBytes(30), gap: fc.nat(1) }),
  fc.record({
    do: fc.constantFrom("take" as const, "peek" as const, "skip" as const, "at" as const),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({ do: fc.constantFrom("take all" as const, "clear" as const, "move" as const) }),
  fc.record({
    do: fc.constant("find" as const),
    needle: someBytes(4).filter((needle) => needle.length > 0),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
);

Deno.test("ByteQueue does what one array would do, whatever is asked in whatever order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const queue = new ByteQueue();
      const slow = new SlowQueue();
      const slab = new Slab();
      for (const one of steps) {
        const count = "share" in one ? Math.round(one.share * slow.bytes.length) : 0;
        switch (one.do) {
          case "push":
            queue.push(one.chunk.slice());
            slow.bytes.push(...one.chunk);
            break;
          case "move":
            queue.moveLast(slab);
            break;
          case "push slab": {
            // Two views of one buffer, as small reads give them: one right behind the other, or not.
            const half = one.chunk.length >> 1;
            const chunk = one.chunk.slice();
            queue.push(chunk.subarray(0, half));
            queue.push(chunk.subarray(half + one.gap));
            slow.bytes.push(...one.chunk.subarray(0, half), ...one.chunk.subarray(half + one.gap));
            break;
          }
          case "take":
            assertEquals([...queue.take(count)], slow.take(count));
            break;
          case "peek":
            assertEquals([...queue.peek(count)], slow.bytes.slice(0, count));
            break;
          case "skip":
            queue.skip(count);
            slow.take(count);
            break;
          case "at":
            if (count < slow.bytes.length) assertStrictEquals(queue.at(count), slow.bytes[count]);
            break;
          case "take all":
            assertEquals([...queue.takeAll()], slow.take(slow.bytes.length));
            break;
          case "clear":
            queue.clear();
            slow.take(slow.bytes.length);
            break;
          case "find":
            assertStrictEquals(
              queue.indexOf(one.needle, count),
              slow.indexOf([...one.needle], count),
            );
        }
        assertStrictEquals(queue.length, slow.bytes.length);
        assertStrictEquals(queue.offset, slow.offset);
      }
      assertEquals([...queue.takeAll()], slow.bytes);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

Deno.test("ByteQueue keeps its place when thousands of chunks were consumed and cut off", () => {
  const queue = new ByteQueue();
  for (let i = 0; i < 5000; i++) queue.push(bytes(i & 255, i >> 8));
  for (let i = 0; i < 5000; i++) {
    assertStrictEquals(queue.at(1), i >> 8);
    assertEquals([...queue.take(2)], [i & 255, i >> 8]);
  }
  assertStrictEquals(queue.length, 0);
  assertStrictEquals(queue.offset, 10_000);
});

Deno.test("ByteQueue.take() gives a view when one chunk holds the bytes, and a copy when several do", () => {
  const chunk = bytes(1, 2, 3, 4);
  const queue = queueOf(chunk, bytes(5, 6));
  const view = queue.take(2);
  assertStrictEquals(view.buffer, chunk.buffer);
  const copy = queue.take(3);
  assertEquals(copy, bytes(3, 4, 5));
  assert(copy.buffer !== chunk.buffer);
});

Deno.test("ByteQueue.push() joins views that follow each other in one buffer", () => {
  const slab = bytes(0, 1, 2, 3, 4, 5);
  const queue = queueOf(slab.subarray(1, 3), slab.subarray(3, 6));
  assertStrictEquals(queue.take(5).buffer, slab.buffer);
});

Deno.test("ByteQueue.moveLast() moves what is unread of the last chunk, and joins it to what it follows", () => {
  const slab = new Slab();
  const queue = queueOf(bytes(1, 2, 3));
  queue.take(1);
  queue.moveLast(slab);
  queue.push(bytes(4, 5));
  assertStrictEquals(queue.indexOf(bytes(5)), 3);
  queue.moveLast(slab);
  // It continues where it was, though there is one chunk less.
  assertStrictEquals(queue.at(3), 5);
  assertEquals([...queue.peek(4)], [2, 3, 4, 5]);
  assertStrictEquals(queue.take(4).byteOffset, 0);
  queue.moveLast(slab);
  assertStrictEquals(queue.length, 0);
});

Deno.test("ByteQueue refuses to read on where a buffer was transferred away, whatever lies behind it", () => {
  const uses: ((queue: ByteQueue) => unknown)[] = [
    (queue) => queue.take(3),
    (queue) => queue.take(7),
    (queue) => queue.takeAll(),
    (queue) => queue.peek(2),
    (queue) => queue.at(1),
    (queue) => queue.at(6),
    (queue) => queue.indexOf(bytes(9)),
    (queue) => queue.indexOf(bytes(1, 5)),
    (queue) => queue.skip(6),
  ];
  for (const [before, taken] of [[[], 0], [[], 1], [[1], 0]] as const) {
    for (const use of uses) {
      const lost = bytes(5, 6, 7);
      const queue = queueOf(bytes(...before), lost);
      queue.skip(taken);
      for (let i = 0; i < 3; i++) queue.push(bytes(8, 9));
      structuredClone(lost, { transfer: [lost.buffer] });
      queue.moveLast(new Slab());
      for (const again of [use, (queue: ByteQueue) => queue.peek(2)]) {
        assertThrows(
          () => again(queue),
          TypeError,
          "transferred away",
          `${before} ${taken} ${use}`,
        );
      }
    }
  }
  const queue = queueOf(bytes(1, 2));
  const all = queue.peek(2);
  structuredClone(all, { transfer: [all.buffer] });
  queue.moveLast(new Slab());
  assertThrows(() => queue.take(2), TypeError, "transferred away");
});

Deno.test("ByteQueue gives no two users the same nothing", () => {
  const queues = [queueOf(bytes(1)), queueOf(), queueOf(bytes(1))];
  const nothings = queues.map((queue) => queue.take(0));
  for (const nothing of nothings) structuredClone(nothing, { transfer: [nothing.buffer] });
  // The results of one queue may lie in one buffer, but never in one that was transferred.
  for (const queue of queues) {
    const takes = [() => queue.take(0), () => queue.takeAll(), () => queue.takeAll()];
    for (const take of [...takes, () => queue.peek(0)]) {
      const nothing = take();
      structuredClone(nothing, { transfer: [nothing.buffer] });
    }
  }
});

Deno.test("ByteQueue.peek() takes nothing", () => {
  const queue = queueOf(bytes(1, 2), bytes(3));
  assertEquals(queue.peek(3), bytes(1, 2, 3));
  assertEquals(queue.length, 3);
  assertEquals(queue.takeAll(), bytes(1, 2, 3));
});

Deno.test("ByteQueue refuses to give what it does not have", () => {
  const queue = queueOf(bytes(1, 2));
  assertThrows(() => queue.take(3), RangeError, "Cannot take 3 bytes of 2");
  assertThrows(() => queue.peek(3), RangeError, "Cannot take 3 bytes of 2");
  assertThrows(() => queue.skip(3), RangeError, "Cannot skip 3 bytes of 2");
  assertThrows(() => queue.at(2), RangeError, "Cannot look at byte 2 of 2");
  assertThrows(() => queue.at(-1), RangeError, "Cannot look at byte -1 of 2");
  assertThrows(() => queue.indexOf(bytes()), TypeError, "the byte sequence is empty");
  assertEquals(queue.takeAll(), bytes(1, 2));
});

Deno.test("ByteQueue.indexOf() goes on where it stopped without walking the chunks again", () => {
  // Walking over a chunk asks for its length.
  let asked = 0;
  class Chunk extends Uint8Array<ArrayBuffer> {
    override get length(): number {
      asked++;
      return super.length;
    }
  }
  const queue = new ByteQueue();
  for (let i = 0; i < 2000; i++) {
    queue.push(new Chunk(new ArrayBuffer(8)));
    assertStrictEquals(queue.indexOf(bytes(10), queue.length - 8), -1);
  }
  assertLess(asked, 2000 * 12);
});
