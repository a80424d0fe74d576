import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";

/** A queue with bytes in pieces of so many. */
function queueOf(bytes: Iterable<number>, pieceLength: number): ByteQueue {
  const queue = new ByteQueue();
  const all = Uint8Array.from(bytes);
  for (let at = 0; at < all.length; at += pieceLength) {
    queue.push(all.slice(at, at + pieceLength));
  }
  return queue;
}

Deno.test("NumberReader says what a DataView says, however the bytes are cut", () => {
  const bytes = fc.uint8Array({ minLength: 12, maxLength: 12 });
  fc.assert(fc.property(bytes, fc.nat(3), fc.integer({ min: 1, max: 12 }), fc.boolean(), (
    all,
    at,
    pieceLength,
    little,
  ) => {
    const view = new DataView(all.buffer);
    const queue = queueOf(all, pieceLength);
    const threeBytes = little
      ? view.getUint16(at, true) + view.getUint8(at + 2) * 65_536
      : view.getUint8(at) * 65_536 + view.getUint16(at + 1);
    assertEquals(queue.getUint16(at, little), view.getUint16(at, little));
    assertEquals(queue.getInt16(at, little), view.getInt16(at, little));
    assertEquals(queue.getUint24(at, little), threeBytes);
    assertEquals(queue.getUint32(at, little), view.getUint32(at, little));
    assertEquals(queue.getInt32(at, little), view.getInt32(at, little));
    assertEquals(queue.getBigUint64(at, little), view.getBigUint64(at, little));
    assertEquals(queue.getBigInt64(at, little), view.getBigInt64(at, little));
    assertEquals(queue.getFloat32(at, little), view.getFloat32(at, little));
    assertEquals(queue.getFloat64(at, little), view.getFloat64(at, little));
    assertEquals(queue.getInt(at, 1), view.getInt8(at));
    assertEquals(queue.length, 12);
  }));
});

Deno.test("NumberReader does not look at bytes that are not there", () => {
  const queue = queueOf([1, 2, 3], 2);
  assertThrows(() => queue.getUint32(0), RangeError);
  assertThrows(() => queue.getFloat64(0), RangeError);
});

Deno.test("NumberReader.varintLength() knows a varint that is whole, is not yet, or is too long", () => {
  assertEquals(queueOf([0xe5, 0x8e, 0x26, 7], 1).varintLength(0), 3);
  assertEquals(queueOf([0xe5, 0x8e, 0x26, 7], 1).getVarint(0, 3), 624_485);
  assertEquals(queueOf([9, 0x80], 1).varintLength(1), undefined);
  assertEquals(queueOf([0x80, 0x80, 0x80, 0x80, 1], 5).varintLength(0, 4), 0);
  assertEquals(queueOf([0x80, 0x80, 0x80], 5).varintLength(0, 3), 0);
});
