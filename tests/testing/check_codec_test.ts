import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ByteQueue, type Codec } from "../../codec.ts";
import {
  DelimiterCodec,
  FixedLengthCodec,
  GenericError,
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

/** Lists of lines, each ended by a line with a dot; `most` lines at most. */
function lists<Kept>(
  keep: (kept: Kept | undefined, line: string) => Kept,
  most = Infinity,
  isToldOf = true,
): Codec<Kept, string> {
  return {
    decoder() {
      const lines = new LineCodec({ maxFrameLength: 100 }).decoder();
      let kept: Kept | undefined;
      let count = 0;
      return {
        get holdsPart() {
          return isToldOf && count > 0;
        },
        decode(queue, ended) {
          for (let line; (line = lines.decode(queue, ended)) !== undefined;) {
            if (line !== ".") {
              kept = keep(kept, line);
              if (++count > most) throw new GenericError("frame", "too many lines");
              continue;
            }
            const list = keep(kept, line);
            kept = undefined;
            count = 0;
            return list;
          }
          return undefined;
        },
      };
    },
    encode: (list, frames) => frames.write(list),
  };
}

const PARTS = "a message of parts without an end is refused";

Deno.test("checkCodec() finds a decoder that gathers parts without a maximum", () => {
  const stream = "a\n\n.\nbcd\n.\n";
  const sent = ["a\n\n.\n", "bcd\n.\n"];
  const pushed = lists((list: string[] = [], line) => (list.push(line), list));
  const text = lists((kept: string = "", line) => kept + line);
  const bytes = lists((kept: ByteQueue = new ByteQueue(), line) => {
    kept.push(bytesOf(line));
    return kept;
  });
  const maps = lists((kept: Map<number, string> = new Map(), line) => kept.set(kept.size, line));
  const inside = lists((kept: { deep: unknown } = { deep: 0 }, line) => ({ deep: [line, kept] }));
  const options = { stream, sent, maxUnreadBytes: 2_000 };
  const outcomes = [pushed, text, bytes, maps, inside].map((codec) =>
    failed(codec as Codec<unknown, string>, { ...options, messages: [] }).includes(PARTS)
  );
  assertEquals(outcomes, [true, true, true, true, true]);
  assertEquals(failed(pushed, { ...options, messages: [["a", "", "."], ["bcd", "."]] }), [PARTS]);
});

Deno.test("checkCodec() finds a decoder that takes parts and does not say so", () => {
  const options = {
    stream: "a\n\n.\nbcd\n.\n",
    sent: ["a\n\n.\n", "bcd\n.\n"],
    messages: [["a", "", "."], ["bcd", "."]],
  };
  const keep = (list: string[] = [], line: string) => (list.push(line), list);
  assertEquals(failed(lists(keep, 50), options), []);
  assertEquals(failed(lists(keep, 50, false), options), [
    "a part of a message that is taken off the queue is told",
  ]);
});

Deno.test("checkCodec() lets be what drops parts, counts them, or has a maximum", () => {
  const options = { stream: "a\n\n.\nbcd\n.\n", sent: ["a\n\n.\n", "bcd\n.\n"] };
  const count = lists((kept: number = 0) => kept + 1);
  const drops = lists((_kept: string | undefined, line) => line);
  const few = lists((list: string[] = [], line) => (list.push(line), list), 50);
  for (const maxUnreadBytes of [2_000, 70_000]) {
    assertEquals(failed(count, { ...options, messages: [3, 2], maxUnreadBytes }), []);
    assertEquals(failed(drops, { ...options, messages: [".", "."], maxUnreadBytes }), []);
    const messages = [["a", "", "."], ["bcd", "."]];
    assertEquals(failed(few, { ...options, messages, maxUnreadBytes }), []);
  }
});

/** Lines whose decoder takes the bytes as they come; `check` looks at what is kept, and at the whole line. */
function takenAtOnce(check: (size: number, isWhole: boolean) => void): Codec<string> {
  return {
    decoder() {
      let kept = "";
      return {
        get holdsPart() {
          return kept !== "";
        },
        decode(queue) {
          while (queue.length > 0) {
            const end = queue.indexOf(bytesOf("\n"));
            const isWhole = end === 0;
            const piece = queue.take(end < 0 ? queue.length : Math.max(end, 1));
            if (!isWhole) kept += new TextDecoder().decode(piece);
            check(kept.length, isWhole);
            if (!isWhole) continue;
            const line = kept;
            kept = "";
            return line;
          }
          return undefined;
        },
      };
    },
    encode: (line, frames) => frames.write(`${line}\n`),
  };
}

Deno.test("checkCodec() finds a decoder that takes and keeps a message without an end", () => {
  const refuse = (isLong: boolean) => {
    if (isLong) throw new GenericError("frame", "too long");
  };
  const never = takenAtOnce(() => {});
  const late = takenAtOnce((size, isWhole) => refuse(isWhole && size > 1_000));
  const right = takenAtOnce((size) => refuse(size > 1_000));
  for (const maxUnreadBytes of [1_100, 5_000, 70_000]) {
    for (const end of ["a", long]) {
      const options = { stream: `${end}\nbb\n`, messages: [end, "bb"], maxUnreadBytes };
      const outcomes = [never, late, right].map((codec) => failed(codec, options));
      const [found] = outcomes[0]!;
      assertEquals(found, "a message without an end is refused", `${maxUnreadBytes}`);
      assertEquals(outcomes[1], ["a message without an end is refused"]);
      assertEquals(outcomes[2], []);
    }
  }
});

Deno.test("checkCodec() lets a decoder pass over what begins no message", () => {
  const marked: Codec<string> = {
    decoder: () => ({
      decode(queue) {
        const start = queue.indexOf(bytesOf("<"));
        queue.skip(start < 0 ? queue.length : start);
        const end = queue.indexOf(bytesOf(">"));
        if (end > 100 || (end < 0 && queue.length > 100)) {
          throw new GenericError("frame", "too long");
        }
        if (end < 0) return undefined;
        return new TextDecoder().decode(queue.take(end + 1)).slice(1, -1);
      },
    }),
    encode: (text, frames) => frames.write(`<${text}>`),
  };
  const options = { stream: "<a>..<bcd>", messages: ["a", "bcd"], maxUnreadBytes: 200 };
  assertEquals(failed(marked, options), []);
});

Deno.test("checkCodec() holds a codec to maxUnreadBytes exactly, however few they are", () => {
  const one = { stream: "a\nbb\n", messages: ["a", "bb"] };
  for (const maxUnreadBytes of [1_001, 1_100, 2_000, 65_535, 65_536, 65_537, 70_000, 2_097_152]) {
    assertEquals(failed(new LineCodec({ maxFrameLength: 1_000 }), { ...one, maxUnreadBytes }), []);
    const prefixed = new LengthPrefixCodec({ maxFrameLength: 1_000 });
    const stream = Uint8Array.of(0, 0, 0, 1, 97);
    assertEquals(failed(prefixed, { stream, messages: bytes("a"), maxUnreadBytes }), []);
    const netstrings = { stream: "1:a,2:bb,", messages: bytes("a", "bb"), maxUnreadBytes };
    assertEquals(failed(new NetstringCodec({ maxFrameLength: 1_000 }), netstrings), []);
  }
  for (const maxUnreadBytes of [10, 900, 30_000]) {
    const lines = new LineCodec({ maxFrameLength: maxUnreadBytes * 2 });
    assertEquals(failed(lines, { ...one, maxUnreadBytes }), [
      "a message without an end is refused",
    ]);
  }
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
  assertEquals(late.length, 7);
  const endless = lines((codec) => ({
    decoder: () => ({ decode: () => "hello" }),
    encode: (line, frames) => codec.encode(line, frames),
  }));
  assertEquals(endless.length, 7);
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

/** What the checks of a codec of one message say, whose message is made anew each time. */
function said(make: () => unknown, wanted: unknown): string[] {
  const lines = new LineCodec();
  const codec: Codec<unknown, string> = {
    decoder: () => {
      const decoder = lines.decoder();
      return { decode: (...given) => decoder.decode(...given) === undefined ? undefined : make() };
    },
    encode: (line, frames) => lines.encode(line, frames),
  };
  const messages: string[] = [];
  checkCodec(codec, {
    stream: "a\n",
    messages: [wanted],
    sent: ["a"],
    test(_, body) {
      try {
        body();
      } catch (error) {
        messages.push((error as Error).message);
      }
    },
  });
  return messages;
}

class Money {
  readonly #amount: number;
  constructor(amount: number) {
    this.#amount = amount;
  }
  get amount(): number {
    return this.#amount;
  }
  get twice(): Money {
    return new Money(this.#amount * 2);
  }
}

Deno.test("checkCodec() takes messages that are made anew for equal", () => {
  const own = () => {
    const held: Record<string, unknown> = { list: [1, , "x"], map: new Map([["a", { b: 1n }]]) };
    return Object.assign(held, { held });
  };
  const makers: (() => unknown)[] = [
    () => new Error("ERR no such key"),
    () => [new RangeError("a", { cause: new Error("b") }), new GenericError("closed", "c")],
    () => new AggregateError([new Error("a")], "b"),
    () => Object.assign(new Error("a"), { code: 5 }),
    () => new Money(5),
    ...[own, () => new Date(5), () => /a/g, () => new Set([{ a: 1 }]), () => new URL("http://a/b")],
    ...[() => -0, () => NaN, () => Uint8Array.of(1, 2), () => Symbol("a"), () => null],
    () => ({ __proto__: null, a: () => {} }),
  ];
  for (const make of makers) assertEquals(said(make, make()), []);
});

Deno.test("checkCodec() says in one line where messages differ", () => {
  const differing: [got: unknown, wanted: unknown, told: string][] = [
    [new Error("a"), new Error("b"), 'messages[0].message was "a", not "b"'],
    [new Error("a"), new TypeError("a"), "was [Error: a], not [TypeError: a]"],
    [
      { e: new Error("a", { cause: 1 }) },
      { e: new Error("a", { cause: 2 }) },
      "messages[0].e.cause was 1, not 2",
    ],
    [new AggregateError([1], "b"), new AggregateError([2], "b"), ".errors.0 was 1, not 2"],
    [Object.assign(new Error("a"), { code: 5 }), new Error("a"), "messages[0].code was there"],
    [new Money(5), new Money(6), "messages[0].amount was 5, not 6"],
    [{ a: 1 }, { a: 1, b: undefined }, "messages[0].b was missing"],
    [new Map([["a", 1]]), new Map([["a", 2]]), "messages[0] entry 0.1 was 1, not 2"],
    [new Date(5), new Date(6), "messages[0] was "],
    [new URL("http://a/"), new URL("http://b/"), "messages[0].h"],
    [/a/g, /a/, "messages[0]"],
    [Uint8Array.of(1), Uint8Array.of(2), "messages[0] was Uint8Array(1) [ 1 ], not "],
    [Uint8Array.of(1), [1], "another class"],
    [-0, 0, "messages[0] was -0, not 0"],
    [[1, , 2], [1, undefined, 2], "messages[0].1 was missing"],
  ];
  for (const [got, wanted, told] of differing) {
    const messages = said(() => got, wanted);
    assertEquals(messages.length > 0, true, told);
    assertStringIncludes(messages[0]!, told);
    assertEquals(messages[0]!.includes("\n"), false);
  }
});
