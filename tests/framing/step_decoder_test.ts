import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { stepDecoder } from "../../codec.ts";
import type { Codec, PartReader } from "../../codec.ts";
import { checkCodec } from "../../testing/mod.ts";
import { cutIntoBytes, decodeAll, refusedAfter } from "../support/framing.ts";
import { bytesOf, text } from "../support/text.ts";

function codecOf<In>(
  parse: (read: PartReader) => Generator<void, In, void>,
  maxFrameLength = 1_000,
): Codec<In, string> {
  return {
    decoder: () => stepDecoder(parse, { maxFrameLength }),
    encode: (message, frames) => frames.write(message),
  };
}

/** A line with a length, and so many bytes, as memcached has it. */
const blocks = codecOf(function* (read) {
  const line = yield* read.line();
  const [name, length] = line.split(" ");
  if (length === undefined) return name;
  const data = text(yield* read.bytes(Number(length)));
  yield* read.until("\r\n");
  return `${name}=${data}`;
}, 100);

checkCodec(blocks, {
  name: "stepDecoder(), lines and blocks: ",
  stream: "get\r\nset 5\r\nhello\r\nset 0\r\n\r\nset 12\nhello\r\nworld\r\n",
  messages: ["get", "set=hello", "set=", "set=hello\r\nworld"],
  sent: ["get\r\n", "set 5\r\nhello\r\n", "set 0\r\n\r\n", "set 12\nhello\r\nworld\r\n"],
});

/** A varint, a kind in two bytes, and so many bytes. */
const binary = codecOf(function* (read) {
  const length = yield* read.varint(2);
  const kind = yield* read.uint(2, true);
  const flags = yield* read.byte();
  return [kind, flags, text(yield* read.bytes(length))].join();
});

checkCodec(binary, {
  name: "stepDecoder(), numbers: ",
  stream: "\x01\x02\x00\x07x\x00\x00\x01\x7f\x03\x01\x00\x00abc",
  messages: ["2,7,x", "256,127,", "1,0,abc"],
  sent: ["\x01\x02\x00\x07x", "\x00\x00\x01\x7f", "\x03\x01\x00\x00abc"],
});

Deno.test("stepDecoder() reads a part up to the end of the stream", () => {
  const whole = codecOf(function* (read) {
    yield* read.line();
    return text(yield* read.toEnd());
  });
  const pieces = ["HTTP/1.0 200\r\n", "some", " text"].map(bytesOf);
  assertEquals(decodeAll(whole, pieces), [{ message: "some text" }]);
});

Deno.test("stepDecoder() says where a message was cut off, also where parts of it were taken", () => {
  assertEquals(decodeAll(blocks, [bytesOf("get\nset 5\r\nhel")]), [
    { message: "get" },
    { error: "Cannot decode: the stream ended 10 bytes into the frame at byte 4" },
  ]);
  assertEquals(decodeAll(blocks, [bytesOf("set 5\r\n")]), [
    { error: "Cannot decode: the stream ended 7 bytes into the frame at byte 0" },
  ]);
});

Deno.test("stepDecoder() holds the limit over all parts, delimiters counted", () => {
  const lines = codecOf(function* (read) {
    return `${yield* read.line()}|${yield* read.line()}`;
  }, 10);
  const outcome = (stream: string) => decodeAll(lines, [bytesOf(stream)])[0];
  assertEquals(outcome("abc\r\ndef\r\n"), { message: "abc|def" });
  assertEquals(outcome("abcd\nefgh\n"), { message: "abcd|efgh" });
  const error = "Cannot decode: the message at byte 0 is longer than 10 bytes";
  assertEquals(outcome("abc\r\ndefg\r\n"), { error });
  assertEquals(outcome("abcd\nefghi\n"), { error });
  assertEquals(outcome("abcdefghij"), { error });
  const far = codecOf(function* (read) {
    return (yield* read.bytes(11)).length;
  }, 10);
  assertEquals(decodeAll(far, [bytesOf("x")])[0], { error });
});

Deno.test("stepDecoder() refuses a part as soon as no end of it can be near enough", () => {
  const until = codecOf(function* (read) {
    return text(yield* read.until("--"));
  }, 6);
  const error = "Cannot decode: the message at byte 0 is longer than 6 bytes";
  assertEquals(decodeAll(until, cutIntoBytes(bytesOf("abcd--"))), [{ message: "abcd" }]);
  const after = (stream: string) => {
    const decoder = until.decoder();
    return refusedAfter(bytesOf(stream), (queue) => decoder.decode(queue, false));
  };
  assertEquals(after("abcd-x"), 6);
  assertEquals(after("abcdex"), 5);
  assertEquals(decodeAll(until, [bytesOf("abcde--")])[0], { error });
});

/** Parts up to an end, of which a peer decides how many there are. */
const endless: Record<string, (read: PartReader) => Generator<void, number, void>> = {
  *lines(read) {
    let count = 0;
    while ((yield* read.line()) !== ".") count++;
    return count;
  },
  *delimiters(read) {
    let count = 0;
    while (text(yield* read.until("\n")) !== ".") count++;
    return count;
  },
  *"blocks without bytes"(read) {
    const count = yield* read.uint(1);
    for (let i = 0; i < count; i++) yield* read.bytes(0);
    return count;
  },
};

for (const [name, parse] of Object.entries(endless)) {
  Deno.test(`stepDecoder() limits how many parts a message has: ${name}`, () => {
    const codec = codecOf(parse, 8);
    const fits = name === "blocks without bytes" ? "\x07" : "\n".repeat(6) + ".\n";
    const many = name === "blocks without bytes" ? "\x08" : "\n".repeat(9);
    assertEquals(decodeAll(codec, cutIntoBytes(bytesOf(fits))), [{
      message: fits.length > 1 ? 6 : 7,
    }]);
    const [first] = decodeAll(codec, cutIntoBytes(bytesOf(many)));
    assertMatch(
      String((first as { error: string }).error),
      /^Cannot decode: the message at byte 0 is longer than 8 bytes/,
    );
  });
}

Deno.test("stepDecoder() makes what parse throws a bad frame", () => {
  const picky = codecOf(function* (read) {
    const line = yield* read.line();
    if (line === "bad") throw new TypeError("not today");
    return line;
  });
  assertEquals(decodeAll(picky, [bytesOf("bad\ngood\n")]), [
    { error: "Cannot decode: the message at byte 0 was refused: not today" },
    { message: "good" },
  ]);
  const odd = codecOf(function* (read) {
    return (yield* read.bytes(Number(yield* read.line()))).length;
  });
  for (const length of ["-1", "1.5", "x"]) {
    const error = `Cannot decode: the message at byte 0 has a part of ${Number(length)} bytes`;
    assertEquals(decodeAll(odd, [bytesOf(`${length}\n`)])[0], { error });
  }
});

Deno.test("stepDecoder() refuses what gives messages for nothing, or none", () => {
  const parse = (given: unknown) => () =>
    decodeAll(codecOf(given as (read: PartReader) => Generator<void, 1, void>), [bytesOf("xx")]);
  assertThrows(
    parse(function* (read: PartReader) {
      yield* read.bytes(0);
      return 1;
    }),
    TypeError,
    "parse must read at least one byte of each message",
  );
  assertThrows(
    parse(function* (read: PartReader) {
      yield* read.byte();
    }),
    TypeError,
    "parse must return a message",
  );
  assertThrows(parse(1), TypeError, "parse must be a generator function");
  assertThrows(parse(() => 1), TypeError, "parse must be a generator function");
});

Deno.test("stepDecoder() refuses what is async, whatever it rejects with", () => {
  const parse = (given: unknown) => () =>
    decodeAll(codecOf(given as (read: PartReader) => Generator<void, 1, void>), [bytesOf("xx")]);
  const later = () => Promise.reject(new Error("nobody looks"));
  assertThrows(parse(async () => await later()), TypeError, "parse must not be async");
  assertThrows(
    parse(async function* () {
      yield await later();
    }),
    TypeError,
    "parse must be a generator function, and not async",
  );
  assertThrows(
    parse(function* () {
      yield later();
    }),
    TypeError,
    "parse must not be async",
  );
});
