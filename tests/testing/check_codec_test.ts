import { assertEquals, assertThrows } from "@std/assert";
import type { Codec } from "../../codec.ts";
import {
  DelimiterCodec,
  FixedLengthCodec,
  JsonLinesCodec,
  LengthPrefixCodec,
  LineCodec,
  NetstringCodec,
} from "../../mod.ts";
import { checkCodec, type CheckCodecOptions } from "../../testing/mod.ts";
import { bytesOf } from "../support/text.ts";

const bytes = (...texts: string[]) => texts.map(bytesOf);
const long = "x".repeat(300);

checkCodec(new LineCodec(), {
  name: "LineCodec: ",
  stream: `hello\r\n\n${long}\nworld`,
  messages: ["hello", "", long, "world"],
});
checkCodec(new LineCodec({ encoding: "latin1" }), {
  name: "LineCodec in Latin-1: ",
  stream: Uint8Array.of(0xe9, 0x80, 10, 0xff, 10),
  messages: ["é\x80", "ÿ"],
});
checkCodec(new JsonLinesCodec(), {
  name: "JsonLinesCodec: ",
  stream: `{"a":1}\n\n["${long}"]\n`,
  messages: [{ a: 1 }, [long]],
});
checkCodec(new DelimiterCodec("--"), {
  name: "DelimiterCodec: ",
  stream: `a-b--${long}----`,
  messages: bytes("a-b", long, ""),
});
checkCodec(new NetstringCodec(), {
  name: "NetstringCodec: ",
  stream: `5:hello,0:,300:${long},`,
  messages: bytes("hello", "", long),
});
checkCodec(new FixedLengthCodec(3), {
  name: "FixedLengthCodec: ",
  stream: "abcdef",
  messages: bytes("abc", "def"),
});
checkCodec(new LengthPrefixCodec({ prefixLength: "varint" }), {
  name: "LengthPrefixCodec: ",
  stream: `\x05hello\x00`,
  messages: bytes("hello", ""),
});

/** Which checks a codec fails. */
function failed<In, Out>(codec: Codec<In, Out>, options: CheckCodecOptions<In, Out>): string[] {
  const names: string[] = [];
  checkCodec(codec, {
    ...options,
    test(name, body) {
      try {
        body();
      } catch {
        names.push(name);
      }
    },
  });
  return names;
}

/** Lines, each made wrong in one way. */
function lines(decode: (codec: Codec<string>) => Codec<string>): string[] {
  const good: Codec<string> = new LineCodec({ maxFrameLength: 1_000 });
  return failed(decode(good), { stream: `hello\n${long}\n`, messages: ["hello", long] });
}

Deno.test("checkCodec() finds nothing in a codec that is right", () => {
  assertEquals(lines((codec) => codec), []);
});

Deno.test("checkCodec() finds other messages", () => {
  const upper = lines((codec) => ({
    decoder: () => {
      const decoder = codec.decoder();
      return { decode: (...given) => decoder.decode(...given)?.toUpperCase() };
    },
    encode: (line, frames) => codec.encode(line, frames),
  }));
  assertEquals(upper.length, 4);
});

Deno.test("checkCodec() finds a decoder that only works on whole messages", () => {
  const whole = lines((codec) => ({
    decoder: () => ({
      decode: (queue) =>
        queue.length === 0 ? undefined : new TextDecoder().decode(queue.take(queue.length)).trim(),
    }),
    encode: (line, frames) => codec.encode(line, frames),
  }));
  assertEquals(whole.includes("the stream cut in two anywhere has these messages"), true);
});

Deno.test("checkCodec() finds a decoder that looks at bytes anew, and one without a limit", () => {
  const slow = lines((codec) => ({
    decoder: () => ({
      decode(queue) {
        const text = new TextDecoder().decode(queue.peek(queue.length));
        const end = text.indexOf("\n");
        if (end < 0) return undefined;
        queue.skip(end + 1);
        return text.slice(0, end);
      },
    }),
    encode: (line, frames) => codec.encode(line, frames),
  }));
  assertEquals(slow, [
    "no byte is looked at again and again",
    "a message without an end is refused",
  ]);
});

Deno.test("checkCodec() finds an encoder that says something else", () => {
  const other = lines((codec) => ({
    decoder: () => codec.decoder(),
    encode: (line, frames) => codec.encode(`${line}!`, frames),
  }));
  assertEquals(other, ["what is sent is received"]);
});

Deno.test("checkCodec() finds a decoder that is async, and one that never says that there is no more", () => {
  const late = lines((codec) => ({
    decoder: () => {
      const decoder = codec.decoder();
      return { decode: (...given) => Promise.resolve(decoder.decode(...given)) as never };
    },
    encode: (line, frames) => codec.encode(line, frames),
  }));
  assertEquals(late.length, 6);
  const endless = lines((codec) => ({
    decoder: () => ({ decode: () => "hello" }),
    encode: (line, frames) => codec.encode(line, frames),
  }));
  assertEquals(endless.length, 6);
});

Deno.test("checkCodec() lets a decoder give many messages of bytes that it has taken", () => {
  const many = (codec: Codec<string>): Codec<string> => ({
    decoder: () => {
      const decoder = codec.decoder();
      const ready: string[] = [];
      return {
        decode(queue, ended) {
          for (let line; (line = decoder.decode(queue, ended)) !== undefined;) ready.push(line);
          return ready.shift();
        },
      };
    },
    encode: (line, frames) => codec.encode(line, frames),
  });
  assertEquals(lines(many), []);
});

Deno.test("checkCodec() refuses options that are misspelled or wrong", () => {
  const check = (options: object) =>
    checkCodec(new LineCodec(), { stream: "a\n", messages: ["a"], ...options });
  assertThrows(() => check({ maxUnreadByte: 5 }), TypeError, "use maxUnreadBytes");
  assertThrows(() => check({ maxUnreadBytes: NaN }), TypeError, "maxUnreadBytes must be a number");
  assertThrows(() => check({ stream: 5 }), TypeError, "stream must be");
  assertThrows(() => check({ messages: 5 }), TypeError, "messages must be an array");
  assertThrows(() => check({ sent: 5 }), TypeError, "sent must be an array");
  assertThrows(() => check({ test: 5 }), TypeError, "test must be a function");
  assertThrows(() => check({ name: 5 }), TypeError, "name must be a string");
  const none = () => checkCodec(undefined as never, { stream: "a", messages: [] });
  assertThrows(none, TypeError, "codec must have the methods decoder, encode");
});
