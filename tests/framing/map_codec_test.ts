import { assertEquals, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { JsonLinesCodec } from "../../src/framing/json_lines_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { mapCodec } from "../../src/framing/map_codec.ts";
import { checkCodec } from "../../testing/mod.ts";
import { decodeAll, encodeAll } from "../support/framing.ts";
import { bytesOf } from "../support/text.ts";

const numbers = mapCodec(new LineCodec({ maxFrameLength: 10 }), {
  decode(line) {
    const number = Number(line);
    if (Number.isNaN(number)) throw new TypeError("not a number");
    return number;
  },
  encode: (number: number) => {
    if (number < 0) throw new RangeError("too small");
    return `${number}`;
  },
});

checkCodec(numbers, { name: "mapCodec(): ", stream: "1\n22\n333\n", messages: [1, 22, 333] });

Deno.test("mapCodec() makes a frame that decode refuses a bad one, and goes on behind it", () => {
  assertEquals(decodeAll(numbers, [bytesOf("1\nx\n2\n")]), [
    { message: 1 },
    { error: "Cannot decode: the message at byte 2 was refused: not a number" },
    { message: 2 },
  ]);
});

Deno.test("mapCodec() lets through what encode throws, and nothing is sent", () => {
  assertThrows(() => encodeAll(numbers, [1, -1]), RangeError, "too small");
});

Deno.test("mapCodec() keeps an error that says what is wrong itself", () => {
  const picky = mapCodec(new LineCodec(), {
    decode: () => {
      throw new GenericError("frame", "Cannot decode: it is Monday");
    },
    encode: (line: string) => line,
  });
  assertEquals(decodeAll(picky, [bytesOf("x\n")]), [{ error: "Cannot decode: it is Monday" }]);
});

Deno.test("mapCodec() refuses a message that would read as none yet", () => {
  const nothing = mapCodec(new JsonLinesCodec(), { decode: () => undefined, encode: () => 1 });
  assertThrows(() => decodeAll(nothing, [bytesOf("1\n")]), TypeError, "must give a message");
  const later = mapCodec(new JsonLinesCodec(), { decode: async () => {}, encode: () => 1 });
  assertThrows(() => decodeAll(later, [bytesOf("1\n")]), TypeError, "must not be async");
});

Deno.test("mapCodec() says what is missing", () => {
  const map = (...given: unknown[]) => () =>
    (mapCodec as (...given: unknown[]) => unknown)(...given);
  assertThrows(map({}, {}), TypeError, "codec must have the methods");
  assertThrows(map(new LineCodec(), {}), TypeError, "mapping must have the method decode");
  assertThrows(
    map(new LineCodec(), { decode() {}, encode: 1 }),
    TypeError,
    "mapping.encode must be",
  );
  assertThrows(map(new LineCodec(), { decod() {} }), TypeError, "use decode");
  assertThrows(map(new LineCodec(), null), TypeError, "mapping must be an object");
});

Deno.test("mapCodec() refuses an async encode, whatever it rejects with", () => {
  const later = mapCodec(new JsonLinesCodec(), {
    decode: (value) => value,
    encode: () => Promise.reject(new Error("nobody looks")),
  });
  assertThrows(() => encodeAll(later, [1]), TypeError, "mapping.encode must not be async");
});
