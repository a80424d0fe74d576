import { assertEquals, assertThrows } from "@std/assert";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { GenericError } from "../../src/base/errors.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import {
  FrameHead,
  type LengthPrefix,
  LONGEST_VALUES,
  writePrefix,
} from "../../src/framing/length_prefix.ts";

const plain: LengthPrefix = {
  prefixLength: 4,
  littleEndian: false,
  prefixOffset: 0,
  adjustment: 0,
  strip: undefined,
};
const read = (format: Partial<LengthPrefix>, ...bytes: number[]) => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.from(bytes));
  const head = new FrameHead({ ...plain, ...format });
  return head.read(queue) ? [head.length, head.frameLength, head.strip] : undefined;
};

for (const prefixLength of [1, 2, 3, 4, 8, "varint"] as const) {
  for (const littleEndian of prefixLength === "varint" ? [false] : [false, true]) {
    Deno.test(`FrameHead.read() of ${prefixLength} ${littleEndian ? "little" : "big"} reads what writePrefix() wrote`, () => {
      const longest = LONGEST_VALUES[prefixLength];
      for (const value of [0, 1, 127, 128, 255, 256, 65_535, 2 ** 24, 2 ** 31, 2 ** 40, longest]) {
        if (value > longest) continue;
        const frames = new FrameBuffer();
        writePrefix({ ...plain, prefixLength, littleEndian }, value, frames);
        const prefix = frames.take()[0]!;
        assertEquals(
          read({ prefixLength, littleEndian }, ...prefix),
          [value, prefix.length + value, prefix.length],
        );
        // All of it but the last byte is not enough.
        assertEquals(read({ prefixLength, littleEndian }, ...prefix.slice(0, -1)), undefined);
      }
    });
  }
}

Deno.test("FrameHead.read() counts what is around the length as the format says", () => {
  assertEquals(read({ prefixLength: 1, prefixOffset: 2 }, 9, 9), undefined);
  assertEquals(read({ prefixLength: 1, prefixOffset: 2 }, 9, 9, 5), [5, 8, 3]);
  assertEquals(read({ prefixLength: 1, adjustment: -1 }, 5), [4, 5, 1]);
  assertEquals(read({ prefixLength: 1, adjustment: -9 }, 5), [-4, -3, 1]);
  assertEquals(read({ prefixLength: 1, strip: 0 }, 5), [5, 6, 0]);
});

Deno.test("FrameHead.read() refuses a length that no arithmetic would survive", () => {
  const eight = (...bytes: number[]) => () => read({ prefixLength: 8 }, ...bytes);
  assertEquals(eight(0, 0x10, 0, 0, 0, 0, 0, 0)(), [2 ** 52, 2 ** 52 + 8, 8]);
  assertThrows(eight(0, 0x20, 0, 0, 0, 0, 0, 0), GenericError, "more than any stream");
  const varint = () => read({ prefixLength: "varint" }, 128, 128, 128, 128, 128, 0);
  assertThrows(varint, GenericError, "more than 5 bytes");
});
