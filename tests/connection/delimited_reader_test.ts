import { assertEquals, assertLess, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ReadTimedOutError, SocketError } from "../../src/base/errors.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { DelimitedReader, type ReadLineOptions } from "../../src/connection/delimited_reader.ts";
import { MORE } from "../../src/connection/pull.ts";
import type { Reader } from "../../src/connection/reader.ts";
import { end, reset, silence } from "../../testing/mod.ts";
import { CountingQueue } from "../support/counting_queue.ts";
import { cutAt, cutPlaces, refusedAfter } from "../support/framing.ts";
import { asText, isPending, scriptedConnection } from "../support/scripted_connection.ts";
import { bytesOf } from "../support/text.ts";

const frameError = async (promise: Promise<unknown>): Promise<string> => {
  const error = await assertRejects(() => promise, SocketError);
  assertEquals(error.code, "frame");
  return error.message;
};

Deno.test("Connection.readUntil() gives the bytes up to each delimiter, what is left at the end, then -1", async () => {
  const { connection } = scriptedConnection(["a-", "-b--c--", "--", "rest-", end()]);
  const parts = [];
  for (let i = 0; i < 7; i++) parts.push(asText(await connection.readUntil("--")));
  assertEquals(parts, [["a--", 3], ["b--", 3], ["c--", 3], ["--", 2], ["rest-", 5], ["", -1], [
    "",
    -1,
  ]]);
  connection.abort();
});

Deno.test("Connection.readUntil() finds what a search in the whole text finds, however it is cut", async () => {
  const letters = (minLength: number, maxLength: number) =>
    fc.array(fc.constantFrom("a", "b", "c"), { minLength, maxLength, size: "max" })
      .map((characters) => characters.join(""));
  await fc.assert(
    fc.asyncProperty(letters(1, 3), letters(1, 50), cutPlaces, async (delimiter, text, cuts) => {
      const { connection } = scriptedConnection([...cutAt(bytesOf(text), cuts), end()]);
      const expected = text.split(delimiter).map((part, i, { length }) =>
        i < length - 1 ? part + delimiter : part
      );
      for (const part of expected) {
        if (part === "") continue;
        assertEquals(asText(await connection.readUntil(delimiter)), [part, part.length]);
      }
      assertEquals((await connection.readUntil(delimiter))[1], -1);
      connection.abort();
    }),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("Connection.readUntil() and readLine() that are given up lose nothing", async () => {
  const { connection, clock, peer } = scriptedConnection(["half a "]);
  for (const read of [() => connection.readUntil("\n"), () => connection.readLine()]) {
    const timedOut = assertRejects(read, ReadTimedOutError);
    await clock.advance(300_000);
    await timedOut;
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = assertRejects(() => connection.readLine({ signal }), Error, "enough");
    controller.abort(new Error("enough"));
    await aborted;
  }
  peer.say("line\n", silence());
  assertEquals(await connection.readLine(), "half a line");
  connection.abort();
});

Deno.test("Connection.readUntil() looks for another delimiter when it is asked to", async () => {
  const { connection, clock, peer } = scriptedConnection(["ab1-2--3-;4;;5"]);
  const delimiter = bytesOf("--");
  assertEquals(asText(await connection.readUntil(delimiter)), ["ab1-2--", 7]);
  delimiter.set(bytesOf("-;"));
  assertEquals(asText(await connection.readUntil(delimiter)), ["3-;", 3]);
  const givenUp = () => connection.readUntil("--", { timeoutInMillis: 9 });
  const given = assertRejects(givenUp, ReadTimedOutError);
  await clock.advance(9);
  await given;
  assertEquals(asText(await connection.readUntil(";")), ["4;", 2]);
  assertEquals(asText(await connection.readUntil(";5")), [";5", 2]);
  const waiting = connection.readUntil(delimiter);
  delimiter.fill(0);
  peer.say("-;", silence());
  assertEquals(asText(await waiting), ["-;", 2]);
  connection.abort();
});

Deno.test("Connection.readUntil() takes nothing when its limit is passed, and the connection is usable", async () => {
  const { connection } = scriptedConnection(["123", "4;", "12345", "6;", end()]);
  assertEquals(asText(await connection.readUntil(";", { limit: 4 })), ["1234;", 5]);
  const why =
    "Cannot decode: no delimiter within 4 bytes from byte 5 on (nothing is lost, read on)";
  assertEquals(await frameError(connection.readUntil(";", { limit: 4 })), why);
  assertEquals(asText(await connection.read(1)), ["1", 1]);
  assertEquals(asText(await connection.readUntil(";", { limit: 5 })), ["23456;", 6]);
  assertEquals((await connection.readUntil(";"))[1], -1);
  connection.abort();
});

Deno.test("Connection.readUntil() counts a limit without the delimiter, wherever that is cut", async () => {
  const { connection } = scriptedConnection(["1234", "-", "-", "12345--", "1234-", end()]);
  const read = () => connection.readUntil("--", { limit: 4 });
  assertEquals(asText(await read()), ["1234--", 6]);
  await frameError(read());
  assertEquals(asText(await connection.read(7)), ["12345--", 7]);
  // The rest at the end is too long, too.
  await frameError(read());
  assertEquals(asText(await connection.read()), ["1234-", 5]);
  connection.abort();
});

Deno.test("Connection.readLine() gives lines of LF and CRLF, what is left at the end, then undefined", async () => {
  const { connection } = scriptedConnection([
    "\ufeffone\r",
    "\ntw\u00f6\n\n\ufefffour\r\r\nl",
    "ast\n\r",
    end(),
  ]);
  const lines = [];
  for (let i = 0; i < 7; i++) lines.push(await connection.readLine());
  assertEquals(lines, ["one", "tw\u00f6", "", "\ufefffour\r", "last", undefined, undefined]);
  connection.abort();
});

Deno.test("Connection.readLine() gives no line for a carriage return or a mark alone before the end", async () => {
  for (
    const [text, lines] of [["\r", []], ["\ufeff", []], ["\ufeff\r", []], ["a\r", ["a"]]] as const
  ) {
    const { connection } = scriptedConnection([text, end()]);
    for (const line of lines) assertEquals(await connection.readLine(), line);
    assertEquals(await connection.readLine(), undefined);
    // It is gone, and no other read finds it.
    assertEquals((await connection.read())[1], -1);
    connection.abort();
  }
});

Deno.test("Connection.readLine() takes nothing of a line that is too long or not UTF-8", async () => {
  const bad = Uint8Array.of(0x61, 0xff, 0x0a);
  const { connection } = scriptedConnection(["1234\r\n12345", "\n", bad, "end", end()]);
  const read = (options: ReadLineOptions = {}) => connection.readLine({ limit: 4, ...options });
  assertEquals(await read(), "1234");
  const why = "no end of the line within 4 bytes from byte 6 on (nothing is lost, read on)";
  assertEquals(await frameError(read()), `Cannot decode: ${why}`);
  assertEquals(await read({ limit: 5 }), "12345");
  assertEquals(await frameError(read()), "Cannot decode: the line at byte 12 is not UTF-8");
  assertEquals(await read({ invalidBytes: "replace" }), "a\ufffd");
  assertEquals(await read(), "end");
  connection.abort();
});

Deno.test("Connection.readLine() of at most 4 bytes waits for the end of a line that may be just that long", async () => {
  const { connection, clock, peer } = scriptedConnection(["1234\r"]);
  const line = connection.readLine({ limit: 4 });
  assertEquals(await isPending(clock, line), true);
  peer.say("\n1234\rx", silence());
  assertEquals(await line, "1234");
  // With one more byte it is certain.
  await frameError(connection.readLine({ limit: 4 }));
  connection.abort();
});

Deno.test("Connection.peek() looks at bytes that the next reads get", async () => {
  const { connection } = scriptedConnection(["GET /", "\nrest", end()]);
  const [seen, length] = await connection.peek(4);
  assertEquals(asText([seen, length]), ["GET ", 4]);
  // It is a copy: changing it does not change what is read.
  seen.fill(0);
  structuredClone(seen.buffer, { transfer: [seen.buffer] });
  assertEquals(asText(await connection.peek(7)), ["GET /\nr", 7]);
  assertEquals(await connection.readLine(), "GET /");
  assertEquals(asText(await connection.peek(100)), ["rest", 4]);
  assertEquals(asText(await connection.read()), ["rest", 4]);
  assertEquals((await connection.peek(1))[1], -1);
  connection.abort();
});

Deno.test("Connection.peek() that is given up loses nothing", async () => {
  const { connection, clock, peer } = scriptedConnection(["ab"]);
  const timedOut = assertRejects(
    () => connection.peek(3, { timeoutInMillis: 50 }),
    ReadTimedOutError,
  );
  await clock.advance(50);
  await timedOut;
  peer.say("c");
  assertEquals(asText(await connection.peek(3)), ["abc", 3]);
  connection.abort();
});

Deno.test("Connection's reads up to something give the bytes before a reset, then the error", async () => {
  const { connection } = scriptedConnection(["a\nb", reset()]);
  assertEquals(await connection.readLine(), "a");
  assertEquals((await assertRejects(() => connection.readLine(), SocketError)).code, "broken");
  assertEquals(asText(await connection.peek(1)), ["b", 1]);
  assertEquals(asText(await connection.read()), ["b", 1]);
});

Deno.test("Connection's reads up to something end at shutdownRead and reject after close", async () => {
  const reads: ((connection: Connection) => Promise<unknown>)[] = [
    (connection) => connection.readUntil("\n"),
    (connection) => connection.readLine(),
    (connection) => connection.peek(9),
  ];
  for (const [i, read] of reads.entries()) {
    const shut = scriptedConnection(["abc"]).connection;
    const waiting = read(shut);
    shut.shutdownRead();
    const end = i === 1 ? undefined : [new Uint8Array(), -1];
    assertEquals([await waiting, await read(shut)], [end, end]);
    shut.abort();

    const closed = scriptedConnection(["abc"]).connection;
    const rejected = assertRejects(() => read(closed), SocketError);
    closed.abort();
    assertEquals((await rejected).code, "aborted");
  }
});

Deno.test("Connection's reads up to something are refused as busy while somebody else waits", async () => {
  const { connection, peer } = scriptedConnection();
  const line = connection.readLine();
  for (
    const read of [
      () => connection.readUntil("x"),
      () => connection.readLine(),
      () => connection.peek(1),
    ]
  ) {
    assertEquals((await assertRejects(read, SocketError)).code, "busy");
  }
  peer.say("ok\n");
  assertEquals(await line, "ok");
  connection.abort();
});

Deno.test("Connection's reads up to something refuse wrong arguments", async () => {
  const { connection } = scriptedConnection(["abc\n", silence()]);
  await assertRejects(() => connection.readUntil(""), RangeError, "Delimiter");
  await assertRejects(() => connection.readUntil(10 as never), TypeError, "got 10");
  await assertRejects(() => connection.readUntil("\n", { limit: 0 }), RangeError, "limit");
  await assertRejects(() => connection.readUntil("\n", null as never), TypeError, "options");
  await assertRejects(() => connection.readLine({ limit: Infinity }), RangeError, "limit");
  await assertRejects(
    () => connection.readLine({ invalidBytes: null as never }),
    TypeError,
    "invalidBytes must be",
  );
  await assertRejects(() => connection.readLine({ limit: null as never }), TypeError, "limit must");
  await assertRejects(
    () => connection.readLine({ invalidBytes: "no" as never }),
    TypeError,
    '"no"',
  );
  await assertRejects(() => connection.readLine({ timeoutInMillis: -1 }), RangeError, "-1");
  await assertRejects(() => connection.peek(0), RangeError, "1 or more");
  await assertRejects(() => connection.peek("1" as never), TypeError, '"1"');
  assertEquals(await connection.readLine(), "abc");
  connection.abort();
});

Deno.test("DelimitedReader refuses what is too long as soon as that is certain", () => {
  const taking = (of: (reader: DelimitedReader) => () => unknown) => (queue: ByteQueue) => {
    const reader = { queue, hasEnded: false, isShut: false } as unknown as Reader;
    const taken = of(new DelimitedReader(reader))();
    return taken === MORE ? undefined : taken;
  };
  const line = taking((reader) => reader.line({ limit: 4 }));
  const until = (delimiter: string) => taking((reader) => reader.until(delimiter, { limit: 4 }));
  const cases: [text: string, step: (queue: ByteQueue) => unknown, expected: number | undefined][] =
    [
      ["12345", line, 5],
      ["1234\r", line, undefined],
      ["1234\rx", line, 6],
      ["1234\r\r", line, 6],
      ["12345", until(";"), 5],
      ["12345", until("--"), 5],
      ["1234-", until("--"), undefined],
      ["1234-5", until("--"), 6],
      ["123-5", until("--"), 5],
      ["1234aab", until("aaab"), 7],
      ["1234aaa", until("aaab"), undefined],
      ["1234aaaa", until("aaab"), 8],
    ];
  for (const [text, step, expected] of cases) {
    assertEquals(refusedAfter(bytesOf(text), step), expected, text);
  }
});

for (const name of ["until", "line"] as const) {
  Deno.test(`DelimitedReader.${name}() goes on searching where the last search gave up`, () => {
    const queue = new CountingQueue();
    const there = { queue, hasEnded: false, isShut: false } as unknown as Reader;
    const reader = new DelimitedReader(there);
    for (let i = 0; i < 300; i++) {
      queue.push(new Uint8Array(64).fill(0x0d));
      const read = name === "until" ? reader.until(bytesOf("\r\n"), {}) : reader.line({});
      assertEquals(read(), MORE);
    }
    assertEquals(queue.looks, 300 * 64);
    assertLess(queue.steps, 300 * 64 * 10);
  });
}
