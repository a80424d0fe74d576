import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import { joined } from "../support/joined.ts";

/** What was written, to read. */
function written(write: (frames: FrameBuffer) => void): ByteQueue {
  const frames = new FrameBuffer();
  write(frames);
  const queue = new ByteQueue();
  queue.push(joined(frames.take()));
  return queue;
}

Deno.test("NumberWriter writes what NumberReader reads", () => {
  const little = fc.boolean();
  fc.assert(fc.property(fc.maxSafeNat(), little, (value, little) => {
    const queue = written((frames) => {
      frames.writeUint16(value % 65_536, little);
      frames.writeUint24(value % 16_777_216, little);
      frames.writeUint32(value % 4_294_967_296, little);
      frames.writeUint(value, 8, little);
      frames.writeVarint(value);
    });
    assertEquals(queue.getUint16(0, little), value % 65_536);
    assertEquals(queue.getUint24(2, little), value % 16_777_216);
    assertEquals(queue.getUint32(5, little), value % 4_294_967_296);
    assertEquals(queue.getUint(9, 8, little), value);
    assertEquals(queue.getVarint(17, queue.varintLength(17)!), value);
  }));
  fc.assert(fc.property(fc.integer(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), little, (
    value,
    big,
    little,
  ) => {
    const queue = written((frames) => {
      frames.writeInt32(value, little);
      frames.writeInt16(value >> 16, little);
      frames.writeInt(value >> 24, 1);
      frames.writeBigInt64(big, little);
      frames.writeBigUint64(BigInt.asUintN(64, big), little);
      frames.writeFloat64(value / 7, little);
      frames.writeFloat32(value, little);
    });
    assertEquals(queue.getInt32(0, little), value);
    assertEquals(queue.getInt16(4, little), value >> 16);
    assertEquals(queue.getInt(6, 1), value >> 24);
    assertEquals(queue.getBigInt64(7, little), big);
    assertEquals(queue.getBigUint64(15, little), BigInt.asUintN(64, big));
    assertEquals(queue.getFloat64(23, little), value / 7);
    assertEquals(queue.getFloat32(31, little), Math.fround(value));
  }));
});

Deno.test("NumberWriter refuses what does not fit, and writes nothing of it", () => {
  const frames = new FrameBuffer();
  for (
    const write of [
      () => frames.writeUint16(65_536),
      () => frames.writeUint16(-1),
      () => frames.writeUint24(1.5),
      () => frames.writeUint32(NaN),
      () => frames.writeInt16(32_768),
      () => frames.writeInt32(-2_147_483_649),
      () => frames.writeBigUint64(-1n),
      () => frames.writeBigInt64(2n ** 63n),
      () => frames.writeVarint(-1),
      () => frames.writeVarint(2 ** 53),
      () => frames.writeUint16("7" as unknown as number),
    ]
  ) {
    assertThrows(write, RangeError, "Cannot write");
  }
  assertEquals(frames.length, 0);
});
