import { Buffer } from "node:buffer";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkInterval,
  checkObject,
  checkReadLength,
  checkSignal,
  checkTarget,
  contentBytes,
  kindOnly,
  shown,
} from "../../src/base/arguments.ts";
import { oddSignals, unaskable } from "../support/odd_signals.ts";

Deno.test("checkInterval() takes what a timer takes, and Infinity for none", () => {
  for (const value of [1, 300_000, 2_147_483_647, Infinity]) {
    assertEquals(checkInterval("readTimeoutInMillis", value), value);
  }
  for (const value of [0, -1, 1.5, 2_147_483_648, -Infinity]) {
    assertThrows(() => checkInterval("readTimeoutInMillis", value), RangeError, `${value}`);
  }
  for (const value of [NaN, "5", null, true, 5n]) {
    const error = assertThrows(() => checkInterval("readTimeoutInMillis", value), TypeError);
    assertStringIncludes(error.message, "readTimeoutInMillis must be a number");
  }
});

Deno.test("checkInteger() names the range and the value", () => {
  assertEquals(checkInteger("backlog", 5, 1, 10), 5);
  assertThrows(() => checkInteger("backlog", 11, 1, 10), RangeError, "from 1 to 10: got 11");
  assertThrows(() => checkInteger("limit", 0, 1), RangeError, "1 or more: got 0");
});

Deno.test("checkReadLength() uses the reference's words", () => {
  assertThrows(
    () => checkReadLength(0),
    RangeError,
    "Requested byte length must be an integer 1 or more",
  );
});

Deno.test("checkBoolean(), checkSignal() and checkObject() name what they got", () => {
  assertEquals(checkBoolean("x", true), true);
  assertThrows(() => checkBoolean("x", 1), TypeError, "x must be true or false: got 1");
  assertThrows(() => checkSignal({}), TypeError, "signal must be an AbortSignal");
  assertThrows(
    () => checkObject("config", 5 as unknown as object),
    TypeError,
    "config must be an object: got 5",
  );
  assertThrows(() => checkObject("config", null as unknown as object), TypeError, "got null");
});

Deno.test("checkSignal() refuses what only looks like a signal, and runs no code of one", async () => {
  assertThrows(() => checkSignal(Object.create(AbortSignal.prototype)), TypeError, "AbortSignal");
  const plain = new AbortController().signal;
  assertEquals(checkSignal(plain) === plain, true);
  for (const { kind, get } of oddSignals) {
    const controller = new AbortController();
    const signal = checkSignal(get(controller.signal));
    assertEquals([signal.aborted, checkSignal(signal) === signal], [false, true], kind);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
    controller.abort("enough");
    assertEquals(await promise, "enough", kind);
    assertEquals(checkSignal(get(AbortSignal.abort("before"))).reason, "before", kind);
  }
  assertEquals(checkSignal(unaskable(plain)).aborted, false);
  assertEquals(checkSignal(unaskable(AbortSignal.abort("before"))).reason, "before");
});

Deno.test("contentBytes() takes bytes as they are and text as UTF-8", () => {
  const bytes = new Uint8Array([1, 2]);
  assertEquals(contentBytes(bytes) === bytes, true);
  assertEquals(contentBytes("é"), new Uint8Array([0xc3, 0xa9]));
  for (const wrong of [5, null, undefined, [1], new ArrayBuffer(1)]) {
    assertThrows(() => contentBytes(wrong), TypeError, "Content must be a Uint8Array or a string");
  }
});

Deno.test("shown() is one short line", () => {
  assertEquals(shown("a\nb"), '"a\\nb"');
  assertEquals(shown("x".repeat(200)).length, 80);
  assertEquals(shown({ a: 1 }), "{ a: 1 }");
});

Deno.test("shown() quotes no PEM text, wherever it is", () => {
  const pem = "-----BEGIN EC PRIVATE KEY-----\nAAAA";
  for (const value of [pem, ` ${pem}`, "x".repeat(100) + pem, [pem], { a: pem }, new Error(pem)]) {
    assertEquals(shown(value), "text in PEM form");
  }
  // What says that it begins is no secret.
  assertEquals(shown("-----BEGIN"), '"-----BEGIN"');
});

Deno.test("shown() quotes nobody's name and password of a URL", () => {
  const at = "db.example:1/x";
  for (
    const credentials of ["me:secret@", "secret@", ":secret@", "me:a/secret@b@", "m:s e/cret@"]
  ) {
    const url = `redis://${credentials}${at}`;
    assertEquals(shown(url), `"redis://...@${at}"`);
    assertEquals(shown({ url }), `{ url: "redis://...@${at}" }`);
  }
  const url = new URL("r://m:pw42@d");
  const all = [`r://m:pw42@d`, "r://m:pw42@d"];
  const quotes = ['a"pw42', "a'\"pw42", "a'\"`pw42", "a\npw42"];
  const named = quotes.flatMap((password) => [{ password }, { passphrase: password }]);
  const inUrls = quotes.flatMap((each) => [`r://m:${each}@d`, [`r://m:${each}@d`]]);
  for (const value of [url, [url], all, ...named, ...inUrls]) {
    assertEquals(shown(value).includes("pw42"), false, shown(value));
  }
  assertEquals(shown("http://a.example/b"), '"http://a.example/b"');
});

Deno.test("kindOnly() says what a value is, and nothing of what it holds", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const kinds: [unknown, string][] = [
    ["", "an empty string"],
    ["secret", "a string"],
    [7, "a number"],
    [7n, "a bigint"],
    [true, "a boolean"],
    [null, "null"],
    [undefined, "undefined"],
    [["secret"], "an array"],
    [{ secret: 1 }, "an object"],
    [new Map(), "an object of another kind"],
    [new Uint8Array(1), "bytes"],
    [() => "secret", "a function"],
    [Symbol("secret"), "a symbol"],
    [Promise.reject("secret"), "a promise, await it first"],
    [proxy, "a proxy that was revoked"],
  ];
  for (const [value, kind] of kinds) assertEquals(kindOnly(value), kind);
});

Deno.test("contentBytes() refuses what only seems to be bytes, and bytes that were taken away", () => {
  for (const wrong of [Object.create(Uint8Array.prototype), new Proxy(new Uint8Array(3), {})]) {
    assertThrows(() => contentBytes(wrong), TypeError, "Content must be a Uint8Array or a string");
  }
  const transferred = new Uint8Array(3);
  transferred.buffer.transfer();
  const outside = new ArrayBuffer(8, { maxByteLength: 8 });
  const cutOff = new Uint8Array(outside, 4, 4);
  outside.resize(5);
  for (const gone of [transferred, cutOff]) {
    assertThrows(() => contentBytes(gone), TypeError, "its buffer was transferred or shrunk");
  }
  assertEquals(contentBytes(new Uint8Array(0)).length, 0);
});

Deno.test("contentBytes() refuses a promise, says what to do, and leaves it handled", async () => {
  for (const late of [Promise.resolve("a"), Promise.reject(new Error("no such thing"))]) {
    assertThrows(() => contentBytes(late), TypeError, "got a promise, await it first");
  }
  const likeOne = { then: (_: unknown, reject: (error: Error) => void) => reject(new Error("no")) };
  for (
    const hostile of [
      likeOne,
      {
        get then() {
          throw new Error("no");
        },
      },
      Object.create(null),
    ]
  ) assertThrows(() => contentBytes(hostile), TypeError, "Content must be");
  // The test runner fails this test if any were unhandled.
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("checkChoice() gives the value, or says what would have been one", () => {
  assertEquals(checkChoice("mode", "a", ["a", "b"]), "a");
  assertThrows(
    () => checkChoice("mode", "c", ["a", 2]),
    TypeError,
    'mode must be "a" or 2: got "c"',
  );
});

Deno.test("contentBytes() and checkTarget() make plain arrays of subclasses, over the same memory", () => {
  class Odd extends Uint8Array {
    constructor(text: string) {
      if (typeof text !== "string") throw new TypeError("made of text only");
      super(text.length);
    }
  }
  for (const bytes of [new Odd("abc"), Buffer.from("abc")]) {
    for (const plain of [contentBytes(bytes), checkTarget(bytes)]) {
      assertEquals(Object.getPrototypeOf(plain), Uint8Array.prototype);
      assertEquals([plain.buffer === bytes.buffer, plain.byteOffset], [true, bytes.byteOffset]);
      assertEquals(plain.length, 3);
    }
  }
});

Deno.test("contentBytes() and checkTarget() believe the memory, not what an array says of itself", () => {
  for (const name of ["length", "byteLength", "byteOffset"]) {
    const bytes = new Uint8Array([0, 1, 2, 3]).subarray(1);
    Object.defineProperty(bytes, name, { value: 1_000_000 });
    for (const plain of [contentBytes(bytes), checkTarget(bytes)]) {
      assertEquals([plain.length, plain.byteLength, plain.byteOffset], [3, 3, 1], name);
      assertEquals(plain, new Uint8Array([1, 2, 3]));
    }
  }
});

Deno.test("shown() is one line that a terminal can be shown", () => {
  assertEquals(shown("a\x1b\n\x7f\x9b\u2028\u202e"), '"a\\u001b\\n\\u007f\\u009b\\u2028\\u202e"');
  assertEquals(shown({ a: "\x9b" }).includes("\x9b"), false);
  assertEquals(/\p{Cc}/u.test(shown(new Error("a\nb"))), false);
});
