import { assertEquals, assertInstanceOf, assertLess, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteQueue, FrameBuffer } from "../../codec.ts";
import { GenericError } from "../../mod.ts";
import { respCodec } from "../../examples/resp_codec.ts";
import { command, type Resp } from "../../examples/resp_values.ts";
import { CountingQueue } from "../support/counting_queue.ts";
import { fuzz } from "../system/fuzz/framing.ts";
import {
  assertGivenBack,
  cutAt,
  cutIntoBytes,
  cutPlaces,
  decodeAll,
  encodeAll,
} from "../support/framing.ts";
import { bytesOf, text } from "../support/text.ts";

const decoded = (text: string, inline = false) => {
  const bytes = new ByteQueue();
  bytes.push(bytesOf(text));
  return respCodec({ inline }).decoder().decode(bytes, false);
};

Deno.test("respCodec takes as many words as fit, and no command of more than Redis takes", () => {
  const many = 300_000;
  const typed = decoded(`del${" a".repeat(many)}\n`, true) as Resp[];
  assertEquals([typed.length, typed.at(-1)], [many + 1, bytesOf("a")]);
  assertEquals((decoded(`*170000\r\n${"$0\r\n\r\n".repeat(170_000)}`) as Resp[]).length, 170_000);
  const decoder = respCodec({ maxFrameLength: 100_000_000 }).decoder();
  const claim = (text: string) => {
    const bytes = new ByteQueue();
    bytes.push(bytesOf(text));
    return decoder.decode(bytes, false);
  };
  assertThrows(() => claim("*1048577\r\n"), GenericError, "too many items");
  assertEquals(claim("*1048576\r\n"), undefined);
});

Deno.test("respCodec gives integers of 64 bits as they are, and says so when a value has begun", () => {
  const numbers = ["0", "-7", "9007199254740991", "9007199254740993", "-9223372036854775808"];
  assertEquals(numbers.map((number) => decoded(`:${number}\r\n`)), [
    ...[0, -7, 9007199254740991, 9007199254740993n, -9223372036854775808n],
  ]);
  const frames = new FrameBuffer();
  respCodec().encode(9007199254740993n, frames);
  assertEquals(text(frames.take()[0]!), ":9007199254740993\r\n");
  for (const bad of ["", "1.5", "x", "12345678901234567890"]) {
    assertThrows(() => decoded(`:${bad}\r\n`), GenericError, "nonsense");
  }
  assertEquals(decoded("+\ufeffa\r\n"), "\ufeffa");
  const decoder = respCodec().decoder();
  const bytes = new ByteQueue();
  const holds: unknown[] = [];
  for (const part of ["*2", "\r\n", "$1\r\n", "a\r\n", "+b\r\n"]) {
    bytes.push(bytesOf(part));
    const value = decoder.decode(bytes, false);
    holds.push(value === undefined ? decoder.holdsPart : "whole");
  }
  assertEquals(holds, [false, true, true, true, "whole"]);
});

Deno.test("respCodec says values as Redis does", () => {
  const frames = new FrameBuffer();
  const message = ["OK", new Error("ERR no\r\nmore"), -7, bytesOf("a\r\nb"), null, [], [[1]]];
  respCodec().encode(message, frames);
  assertEquals(
    new TextDecoder().decode(frames.take()[0]),
    "*7\r\n+OK\r\n-ERR no  more\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n*0\r\n*1\r\n*1\r\n:1\r\n",
  );
});

Deno.test("respCodec understands what Redis says", () => {
  assertEquals(decoded("+OK\r\n"), "OK");
  assertEquals(decoded(":42\r\n"), 42);
  assertEquals(decoded("$5\r\nhello\r\n"), bytesOf("hello"));
  assertEquals(decoded("$0\r\n\r\n"), new Uint8Array());
  assertEquals(decoded("$-1\r\n"), null);
  assertEquals(decoded("*-1\r\n"), null);
  assertEquals(decoded("*0\r\n"), []);
  assertEquals(decoded("*2\r\n*1\r\n+a\r\n$1\r\nb\r\n"), [["a"], bytesOf("b")]);
  const error = decoded("-ERR unknown command\r\n");
  assertInstanceOf(error, Error);
  assertEquals(error.message, "ERR unknown command");
});

Deno.test("respCodec understands commands that people type, if it is a server's", () => {
  assertEquals(decoded("\r\n  \nset  key value\r\n", true), command("set", "key", "value"));
  assertEquals(decoded("PING\n", true), command("PING"));
  const refused = decodeAll(respCodec(), [bytesOf("PING\r\n")]);
  assertEquals(refused, [{ error: "Cannot decode: nonsense before byte 6" }]);
});

Deno.test("respCodec of a server makes nothing of what is no command", () => {
  for (const item of ["+a", "-a", ":1", "*1", "*0", "a"]) {
    const [outcome] = decodeAll(respCodec({ inline: true }), [bytesOf(`*2\r\n${item}\r\n`)]);
    assertEquals(outcome, { error: `Cannot decode: nonsense before byte ${item.length + 6}` });
  }
  for (const line of ["+OK", "-ERR no", ":1", "$3"]) {
    assertEquals(decoded(`${line}\r\n`, true), command(...line.split(" ")));
  }
});

Deno.test("respCodec takes no more items or words than it was told to", () => {
  const most = (text: string) => {
    return decodeAll(respCodec({ inline: true, maxItems: 3 }), [bytesOf(text)]);
  };
  const three = { message: command("a", "b", "c") };
  assertEquals(most(" a b  c \r\n\va b c\n"), [three, three]);
  const array = "$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n";
  assertEquals(most(`*3\r\n${array}`), [three]);
  for (const text of [`*4\r\n${array}`, "a b c d\r\n", "\va b c d\r\n"]) {
    const [outcome] = most(text);
    assertMatch((outcome as { error: string }).error, /^Cannot decode: too many items/);
  }
});

Deno.test("respCodec skips what is blank without a line for each", () => {
  for (const blank of ["\n", "\r\n", " \n", " "]) {
    const queue = new CountingQueue();
    const lines = blank.repeat(10_000);
    queue.push(bytesOf(`${lines}PING\r\n`));
    const takes: number[] = [];
    const take = queue.take.bind(queue);
    queue.take = (length) => {
      takes.push(length);
      return take(length);
    };
    assertEquals(respCodec({ inline: true }).decoder().decode(queue, false), command("PING"));
    assertEquals(takes, [6]);
  }
});

Deno.test("respCodec takes no string that is longer than it says", () => {
  for (
    const [text, at] of [["$1\r\nab\r\n", 5], ["$2\r\nabPING\r\n", 6], ["$0\r\n\n\n", 4]] as const
  ) {
    const [outcome] = decodeAll(respCodec(), [bytesOf(text)]);
    assertEquals(outcome, { error: `Cannot decode: nonsense before byte ${at}` });
    const [command] = decodeAll(respCodec({ inline: true }), [bytesOf(`*1\r\n${text}`)]);
    assertEquals(command, { error: `Cannot decode: nonsense before byte ${at + 4}` });
  }
});

Deno.test("respCodec gives back what was sent, however it is cut", () => {
  const { value } = fc.letrec<{ value: Resp }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string().map((text) => text.replaceAll(/[\r\n]/g, "")),
      fc.integer(),
      fc.uint8Array(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 5 }),
    ),
  }));
  fc.assert(
    fc.property(fc.array(value), cutPlaces, (messages, cuts) => {
      assertGivenBack(respCodec(), messages, cuts);
    }),
    { seed: 3 },
  );
});

for (const inline of [false, true]) {
  Deno.test(`respCodec ${inline ? "with" : "without"} inline commands survives any bytes`, () => {
    const codec = respCodec({ inline, maxFrameLength: 60 });
    const numbers = ["1", "2", "3", "-1", "0", "99"];
    const usual = ["\r\n", "\r\n", "\n", "+OK", "-ERR", ":", "$", "*", "$3\r\nabc\r\n", ...numbers];
    fuzz({ name: "respCodec", codec, usual }, 5000, 1);
    const cutting = respCodec({ inline, maxFrameLength: 60, cutAt: 2 });
    fuzz({ name: "respCodec that cuts", codec: cutting, usual }, 5000, 1);
  });
}

Deno.test("respCodec refuses lengths that cannot come, and arrays that are too deep", () => {
  const codec = respCodec();
  for (
    const text of ["$4294967296\r\n", "*1048577\r\n", "$-2\r\n", "$x\r\n", "*\r\n", ":1.5\r\n"]
  ) {
    const [outcome] = decodeAll(codec, [bytesOf(text)]);
    assertEquals(outcome, { error: `Cannot decode: nonsense before byte ${text.length}` });
  }
  const [deep] = decodeAll(codec, [bytesOf("*1\r\n".repeat(1000))]);
  assertEquals(deep, { error: "Cannot decode: depth before byte 132" });
  const [long] = decodeAll(respCodec({ maxFrameLength: 9 }), [bytesOf("+123456789")]);
  assertEquals(long, { error: "Cannot decode: too much before byte 0" });
});

Deno.test("respCodec does not take the end of the stream for the end of an array", () => {
  for (const text of ["*2\r\n:1\r\n", "*1\r\n$3\r\n", "$3\r\n"]) {
    assertEquals(decodeAll(respCodec(), [bytesOf(text)]), [
      { error: `Cannot decode: the end of the stream before byte ${text.length}` },
    ]);
  }
});

for (
  const [what, message] of [
    ["array", Array(1000).fill(bytesOf("0123456789"))],
    ["line", "x".repeat(20_000)],
  ] as [string, Resp][]
) {
  Deno.test(`respCodec looks at each byte of a long ${what} a few times at most`, () => {
    const bytes = encodeAll(respCodec(), [message]);
    const queue = new CountingQueue();
    const decoder = respCodec().decoder();
    let decoded: Resp | undefined;
    for (let at = 0; at < bytes.length; at += 64) {
      queue.push(bytes.slice(at, at + 64));
      decoded = decoder.decode(queue, false);
    }
    assertEquals(decoded, message);
    assertLess(queue.looks, bytes.length * 3);
    assertLess(queue.steps, bytes.length);
  });
}

Deno.test("respCodec cuts strings where they are too long together, and goes on with what follows", () => {
  const codec = respCodec({ maxFrameLength: 100, cutAt: 10 });
  const strings = ["x".repeat(4), "", "y".repeat(5), "z".repeat(3), "a".repeat(500), "", "b"];
  const kept = ["xxxx", "", "yyyyy", "z", "", "", ""];
  const deep: Resp = [
    [command(...strings.slice(0, 4)), 1],
    ...command(...strings.slice(4)) as Resp[],
  ];
  const bytes = encodeAll(codec, [command(...strings), deep, bytesOf("c".repeat(1_000)), "OK"]);
  const all = [
    command(...kept),
    [[command(...kept.slice(0, 4)), 1], ...command(...kept.slice(4)) as Resp[]],
    bytesOf("c".repeat(10)),
    "OK",
  ].map((message) => ({ message }));
  assertEquals(decodeAll(codec, [bytes]), all);
  assertEquals(decodeAll(codec, cutIntoBytes(bytes)), all);
  for (let at = 1; at < bytes.length; at++) assertEquals(decodeAll(codec, cutAt(bytes, [at])), all);
  // What is around the strings is limited as before, and so is a string that ends in another way than it says.
  const [many] = decodeAll(codec, [encodeAll(codec, [command(...Array(20).fill("d".repeat(20)))])]);
  assertMatch((many as { error: string }).error, /too much/);
  const [odd] = decodeAll(codec, [bytesOf(`$12\r\n${"d".repeat(14)}`)]);
  assertEquals(odd, { error: "Cannot decode: nonsense before byte 17" });
  assertEquals(decodeAll(codec, [bytesOf(`$12\r\n${"d".repeat(11)}`)]), [
    { error: "Cannot decode: the end of the stream before byte 16" },
  ]);
});

Deno.test("respCodec keeps nothing of what it cuts off a string", () => {
  const queue = new ByteQueue();
  const decoder = respCodec({ cutAt: 10 }).decoder();
  queue.push(bytesOf("$10000000000\r\n0123456789"));
  for (let i = 0; i < 100; i++) {
    queue.push(new Uint8Array(65_536));
    assertEquals([decoder.decode(queue, false), queue.length], [undefined, 0]);
  }
  assertEquals(decoder.holdsPart, true);
});
