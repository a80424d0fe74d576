import { assertEquals, assertLess, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { GenericError } from "../../src/base/errors.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import {
  LengthPrefixCodec,
  type LengthPrefixCodecConfig,
} from "../../src/framing/length_prefix_codec.ts";
import {
  assertGivenBack,
  bytesAndCuts,
  cutAt,
  cutIntoBytes,
  cutPlaces,
  decodeAll,
  encodeAll,
  type Outcome,
} from "../support/framing.ts";
import { bytesOf } from "../support/text.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

/** The length in an array, computed with big integers, and where it ends; undefined if it is incomplete. */
function slowLength(
  rest: Uint8Array,
  { prefixLength = 4, littleEndian = false, prefixOffset = 0 }: LengthPrefixCodecConfig,
): { value: bigint; end: number } | "too long" | undefined {
  if (prefixLength === "varint") {
    const field = [...rest.slice(prefixOffset, prefixOffset + 5)];
    const last = field.findIndex((byte) => byte < 128);
    if (last < 0) return field.length === 5 ? "too long" : undefined;
    const value = field.slice(0, last + 1).reduceRight(
      (sum, byte) => sum * 128n + BigInt(byte & 127),
      0n,
    );
    return { value, end: prefixOffset + last + 1 };
  }
  const end = prefixOffset + prefixLength;
  if (rest.length < end) return undefined;
  const field = [...rest.slice(prefixOffset, end)];
  if (littleEndian) field.reverse();
  return { value: field.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n), end };
}

/** The obvious slow version: all the bytes, frame by frame. */
function slowFrames(
  all: Uint8Array<ArrayBuffer>,
  config: LengthPrefixCodecConfig,
): Outcome<Uint8Array>[] {
  const { prefixLength = 4, prefixOffset = 0, prefixIncluded, lengthAdjustment = 0, strip } =
    config;
  const outcomes: Outcome<Uint8Array>[] = [];
  const bad = (why: string) => outcomes.push({ error: `Cannot decode: ${why}` });
  for (let start = 0; start < all.length;) {
    const rest = all.slice(start);
    const length = slowLength(rest, config);
    if (length === "too long") {
      bad(`the length at byte ${start + prefixOffset} has more than 5 bytes`);
      break;
    }
    if (length === undefined) {
      bad(`the stream ended ${rest.length} bytes into the frame at byte ${start}`);
      break;
    }
    if (length.value > 2n ** 52n) {
      bad(`the length at byte ${start + prefixOffset} is more than any stream`);
      break;
    }
    const counted = prefixIncluded ? Number(prefixLength) : 0;
    const behind = Number(length.value) + lengthAdjustment - counted;
    if (behind < 0) {
      bad(`the frame at byte ${start} says that ${behind} bytes come behind its length`);
      break;
    }
    const whole = length.end + behind;
    const head = strip ?? length.end;
    if (whole < head) {
      bad(`the frame at byte ${start} has ${whole} bytes, ${head} have to be stripped`);
    } else if (whole - head > config.maxFrameLength!) {
      bad(
        `the message at byte ${start} is ${
          whole - head
        } bytes long, ${config.maxFrameLength} are allowed`,
      );
    } else if (rest.length < whole) {
      bad(`the stream ended ${rest.length} bytes into the frame of ${whole} at byte ${start}`);
      break;
    } else {
      outcomes.push({ message: rest.slice(head, whole) });
    }
    start += whole;
  }
  return outcomes;
}

const formats: LengthPrefixCodecConfig[] = [
  { prefixLength: 1 },
  { prefixLength: 2 },
  { prefixLength: 3, littleEndian: true },
  {},
  { littleEndian: true },
  { prefixLength: 8 },
  { prefixLength: 8, littleEndian: true },
  { prefixLength: "varint" },
  { prefixLength: 2, prefixIncluded: true },
  { prefixLength: 1, lengthAdjustment: 2 },
  { prefixLength: 1, lengthAdjustment: -3 },
  { prefixLength: 2, strip: 2 },
  { prefixLength: 2, strip: 0 },
  { prefixLength: 2, prefixOffset: 2, strip: 0, littleEndian: true },
  { prefixLength: "varint", prefixOffset: 1, strip: 0 },
  { prefixLength: 2, prefixOffset: 1, lengthAdjustment: 1, strip: 3 },
  { prefixLength: 2, prefixOffset: 1, lengthAdjustment: -3, strip: 3 },
  { prefixLength: 1, strip: 4 },
  { prefixLength: "varint", prefixOffset: 1, lengthAdjustment: 1 },
];

for (const format of formats) {
  const config = { ...format, maxFrameLength: 12 };

  Deno.test(`LengthPrefixCodec ${JSON.stringify(format)} finds in any bytes what a slow version finds, however they are cut`, () => {
    const codec = new LengthPrefixCodec(config);
    const small = [0, 0, 0, 1, 2, 3, 5, 9, 14].map((byte) => bytes(byte));
    const usual = bytesAndCuts(...small, bytes(128), bytes(255), bytes(0, 0, 0), "hello");
    fc.assert(
      fc.property(usual, ({ bytes, cuts }) => {
        const expected = slowFrames(bytes, config);
        assertEquals(decodeAll<Uint8Array>(codec, [bytes]), expected);
        assertEquals(decodeAll<Uint8Array>(codec, cutAt(bytes, cuts)), expected);
        assertEquals(decodeAll<Uint8Array>(codec, cutIntoBytes(bytes)), expected);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
}

// Those in which the message says all that is in the frame.
for (const format of formats.filter(({ prefixOffset, strip }) => !prefixOffset && strip !== 4)) {
  Deno.test(`LengthPrefixCodec ${JSON.stringify(format)} gives back what was sent, however it is cut`, () => {
    const codec = new LengthPrefixCodec(format);
    // Where the message is the whole frame, the length has to be in it.
    const minLength = format.lengthAdjustment ?? 0;
    const message = fc.uint8Array({
      minLength: Math.max(minLength, 0),
      maxLength: 240,
      size: "max",
    })
      .map((payload) =>
        format.strip === 0 ? Uint8Array.of(0, payload.length, ...payload) : payload
      );
    fc.assert(
      fc.property(fc.array(message), cutPlaces, (messages, cuts) => {
        assertGivenBack(codec, messages, cuts);
      }),
      { seed: 3 },
    );
  });
}

Deno.test("LengthPrefixCodec writes the length as the format says", () => {
  const prefixOf = (config: LengthPrefixCodecConfig, length: number) => {
    const written = encodeAll(new LengthPrefixCodec(config), [new Uint8Array(length)]);
    return [...written.subarray(0, written.length - length)];
  };
  assertEquals(prefixOf({}, 0x1234), [0, 0, 0x12, 0x34]);
  assertEquals(prefixOf({ littleEndian: true }, 0x1234), [0x34, 0x12, 0, 0]);
  assertEquals(prefixOf({ prefixLength: 1 }, 255), [255]);
  assertEquals(prefixOf({ prefixLength: 2 }, 0x1234), [0x12, 0x34]);
  assertEquals(prefixOf({ prefixLength: 3 }, 0x01_0203), [1, 2, 3]);
  assertEquals(prefixOf({ prefixLength: 3, littleEndian: true }, 0x01_0203), [3, 2, 1]);
  assertEquals(prefixOf({ prefixLength: 8 }, 0x1234), [0, 0, 0, 0, 0, 0, 0x12, 0x34]);
  assertEquals(prefixOf({ prefixLength: "varint" }, 127), [127]);
  assertEquals(prefixOf({ prefixLength: "varint" }, 128), [128, 1]);
  assertEquals(prefixOf({ prefixLength: "varint" }, 300), [172, 2]);
  assertEquals(prefixOf({ prefixLength: 2, prefixIncluded: true }, 5), [0, 7]);
  assertEquals(prefixOf({ prefixLength: 2, prefixIncluded: true, lengthAdjustment: 3 }, 5), [0, 4]);
  assertEquals(prefixOf({ prefixLength: 1, lengthAdjustment: -1 }, 5), [6]);
});

// The frames that Netty's documentation shows.
Deno.test("LengthPrefixCodec reads the frames that Netty's decoder is documented with", () => {
  const hello = bytesOf("HELLO, WORLD");
  const read = (config: LengthPrefixCodecConfig, ...head: number[]) =>
    decodeAll(new LengthPrefixCodec(config), [Uint8Array.of(...head, ...hello)]);
  const whole = (...head: number[]) => [{ message: Uint8Array.of(...head, ...hello) }];
  assertEquals(read({ prefixLength: 2, strip: 0 }, 0, 12), whole(0, 12));
  assertEquals(read({ prefixLength: 2 }, 0, 12), whole());
  assertEquals(read({ prefixLength: 2, lengthAdjustment: -2, strip: 0 }, 0, 14), whole(0, 14));
  assertEquals(
    read({ prefixOffset: 2, prefixLength: 3, strip: 0 }, 0xca, 0xfe, 0, 0, 12),
    whole(0xca, 0xfe, 0, 0, 12),
  );
  assertEquals(
    read({ prefixLength: 3, lengthAdjustment: 2, strip: 0 }, 0, 0, 12, 0xca, 0xfe),
    whole(0, 0, 12, 0xca, 0xfe),
  );
  assertEquals(
    read({ prefixOffset: 1, prefixLength: 2, lengthAdjustment: 1, strip: 3 }, 0xca, 0, 12, 0xfe),
    whole(0xfe),
  );
  assertEquals(
    read({ prefixOffset: 1, prefixLength: 2, lengthAdjustment: -3, strip: 3 }, 0xca, 0, 16, 0xfe),
    whole(0xfe),
  );
});

Deno.test("LengthPrefixCodec allocates nothing for a length that has not come", () => {
  const before = Deno.memoryUsage();
  const kept = [];
  for (let i = 0; i < 1000; i++) {
    const decoder = new LengthPrefixCodec({ maxFrameLength: 536_870_888 }).decoder();
    const queue = new ByteQueue();
    queue.push(bytes(0x1f, 0xff, 0xff, 0xe8, 1, 2, 3));
    assertEquals(decoder.decode(queue, false), undefined);
    kept.push(decoder, queue);
  }
  const after = Deno.memoryUsage();
  assertLess(after.external - before.external, 10_000_000);
  assertLess(after.rss - before.rss, 100_000_000);
  assertEquals(kept.length, 2000);
});

Deno.test("LengthPrefixCodec refuses a length of 4 GiB as soon as it is read, and skips so many bytes", () => {
  const decoder = new LengthPrefixCodec().decoder();
  const queue = new ByteQueue();
  queue.push(bytes(255, 255, 255, 255));
  const error = assertThrows(() => decoder.decode(queue, false), GenericError);
  assertEquals(error.code, "frame");
  assertEquals(
    error.message,
    "Cannot decode: the message at byte 0 is 4294967295 bytes long, 1048576 are allowed",
  );
  const chunk = new Uint8Array(2 ** 26);
  for (let i = 0; i < 63; i++) {
    queue.push(chunk);
    assertEquals(decoder.decode(queue, false), undefined);
    assertEquals(queue.length, 0);
  }
  queue.push(chunk.subarray(1));
  queue.push(bytes(0, 0, 0, 1, 42));
  assertEquals(decoder.decode(queue, false), bytes(42));
  assertEquals(queue.offset, 4 + 2 ** 32 - 1 + 5);
});

Deno.test("LengthPrefixCodec refuses a frame whose length cannot be", () => {
  const last = (config: LengthPrefixCodecConfig, ...values: number[]) =>
    decodeAll(new LengthPrefixCodec(config), [bytes(...values)]).at(-1);
  assertEquals(last({ prefixIncluded: true }, 0, 0, 0, 3), {
    error: "Cannot decode: the frame at byte 0 says that -1 bytes come behind its length",
  });
  assertEquals(last({ prefixLength: "varint" }, 1, 7, 128, 128, 128, 128, 128, 0), {
    error: "Cannot decode: the length at byte 2 has more than 5 bytes",
  });
  assertEquals(last({ prefixLength: 8 }, 255, 255, 255, 255, 255, 255, 255, 255), {
    error: "Cannot decode: the length at byte 0 is more than any stream",
  });
});

Deno.test("LengthPrefixCodec refuses a wrong config", () => {
  const make = (config: unknown) => () => new LengthPrefixCodec(config as LengthPrefixCodecConfig);
  assertThrows(make({ prefixLength: 5 }), TypeError, "got 5");
  assertThrows(make({ prefixLength: "4" }), TypeError, 'got "4"');
  assertThrows(make({ littleEndian: "yes" }), TypeError, "littleEndian");
  assertThrows(make({ prefixIncluded: 1 }), TypeError, "prefixIncluded");
  assertThrows(make({ prefixOffset: -1 }), RangeError, "prefixOffset");
  assertThrows(make({ lengthAdjustment: 0.5 }), RangeError, "lengthAdjustment");
  assertThrows(make({ strip: 65_537 }), RangeError, "strip");
  assertThrows(make({ maxFrameLength: NaN }), TypeError, "NaN");
  assertThrows(make({ prefixLength: "varint", littleEndian: true }), TypeError, "varint");
  assertThrows(make({ prefixLength: "varint", prefixIncluded: true }), TypeError, "varint");
});

Deno.test("LengthPrefixCodec refuses messages that it cannot send", () => {
  const refusal = (config: LengthPrefixCodecConfig, message: Uint8Array) =>
    assertThrows(
      () => new LengthPrefixCodec(config).encode(message, new FrameBuffer()),
      GenericError,
    ).message;
  assertEquals(
    refusal({ maxFrameLength: 2 }, bytes(1, 2, 3)),
    "Cannot encode: the message is longer than 2 bytes",
  );
  assertEquals(
    refusal({ prefixLength: 1 }, new Uint8Array(256)),
    "Cannot encode: the length of a message of 256 bytes would be 256, which is not from 0 to 255",
  );
  assertEquals(
    refusal({ lengthAdjustment: 4 }, bytes(1)),
    "Cannot encode: the length of a message of 1 bytes would be -3, which is not from 0 to 4294967295",
  );
  assertEquals(
    refusal({ strip: 0, prefixLength: 1 }, bytes(3, 0)),
    "Cannot encode: the frame is 2 bytes long, its length says 4",
  );
  assertEquals(
    refusal({ strip: 0 }, bytes(0, 0)),
    "Cannot encode: a frame of 2 bytes ends before its length does",
  );
  const strips = new LengthPrefixCodec({ prefixOffset: 1 });
  assertThrows(() => strips.encode(bytes(1), new FrameBuffer()), TypeError, "use strip: 0");
  assertThrows(() => strips.encode(1 as never, new FrameBuffer()), TypeError, "got 1");
});
