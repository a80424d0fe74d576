import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import * as socket from "../../mod.ts";
import { GenericError, ReadTimedOutError, SocketError } from "../../src/base/errors.ts";
import type { Codec } from "../../src/framing/codec.ts";
import { DelimiterCodec } from "../../src/framing/delimiter_codec.ts";
import { framed } from "../../src/framing/framed.ts";
import { JsonLinesCodec } from "../../src/framing/json_lines_codec.ts";
import { LengthPrefixCodec } from "../../src/framing/length_prefix_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { NetstringCodec } from "../../src/framing/netstring_codec.ts";
import { connectedPair, end, reset, silence, until } from "../../testing/mod.ts";
import { cutAt, cutPlaces, encodeAll } from "../support/framing.ts";
import { asText, scriptedConnection } from "../support/scripted_connection.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("Framed.receive() gives each message, then undefined for ever", async () => {
  const { connection, peer } = scriptedConnection(["one\nt", "w", "o\n\nfour", end()]);
  const lines = framed(connection, new LineCodec());
  const received = [];
  for (let i = 0; i < 6; i++) received.push(await lines.receive());
  assertEquals(received, ["one", "two", "", "four", undefined, undefined]);
  connection.abort();
  assertEquals(peer.violations, []);
});

Deno.test("Framed is known by the id and the peer of its connection", () => {
  const { connection } = scriptedConnection([]);
  const { id, remoteAddress, remotePort } = framed(connection, new LineCodec());
  const theirs = [connection.id, connection.remoteAddress, connection.remotePort];
  assertEquals([id, remoteAddress, remotePort], theirs);
  connection.abort();
});

Deno.test("Framed gives the messages in order, however they are cut, given up and asked for", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 12, size: "max" }),
      cutPlaces,
      fc.array(fc.boolean(), { maxLength: 40, size: "max" }),
      async (values, cuts, giveUps) => {
        const codec = new JsonLinesCodec<fc.JsonValue>();
        const bytes = encodeAll(codec, values);
        const { connection } = scriptedConnection([...cutAt(bytes, cuts), end()]);
        const messages = framed(connection, codec);
        const received: unknown[] = [];
        for (const givesUp of [...giveUps, ...Array(values.length + 2).fill(false)]) {
          const controller = new AbortController();
          const { signal } = controller;
          const message = messages.receive(givesUp ? { signal } : undefined).catch((error) =>
            error
          );
          if (givesUp) controller.abort("given up");
          const result = await message;
          if (result === undefined) break;
          if (result !== "given up") received.push(result);
        }
        assertEquals(received, values.map((value) => JSON.parse(JSON.stringify(value))));
        connection.abort();
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("Framed.receive() that is given up loses nothing, and the connection stays open", async () => {
  const { connection, clock, peer } = scriptedConnection(["half "], { readTimeoutInMillis: 100 });
  const lines = framed(connection, new LineCodec());
  for (const options of [undefined, { timeoutInMillis: 50 }]) {
    const timedOut = assertRejects(() => lines.receive(options), ReadTimedOutError);
    await clock.advance(options?.timeoutInMillis ?? 100);
    await timedOut;
  }
  const reason = new Error("enough");
  const refused = () => lines.receive({ signal: AbortSignal.abort(reason) });
  assertStrictEquals(await assertRejects(refused, Error), reason);
  peer.say("a line\n", silence());
  assertEquals(await lines.receive(), "half a line");
  connection.abort();
});

Deno.test("Framed.receive() goes on behind a bad frame where the codec can", async () => {
  const { connection } = scriptedConnection(["too long\nshort\n", end()]);
  const lines = framed(connection, new LineCodec({ maxFrameLength: 5 }));
  const error = await assertRejects(() => lines.receive(), GenericError);
  assertEquals(error.code, "frame");
  assertEquals([await lines.receive(), await lines.receive()], ["short", undefined]);
  connection.abort();

  const lost = scriptedConnection(["1:a,x", silence()]).connection;
  const netstrings = framed(lost, new NetstringCodec());
  assertEquals(await netstrings.receive(), bytesOf("a"));
  for (let i = 0; i < 2; i++) {
    await assertRejects(() => netstrings.receive(), GenericError, "at byte 4 has no length");
  }
  // Bytes that are no message can still be read.
  assertEquals(asText(await lost.read()), ["x", 1]);
  lost.abort();
});

Deno.test("Framed.receive() says so when the stream ends inside a message, and then gives the end", async () => {
  const { connection } = scriptedConnection(["5:hel", end()]);
  const netstrings = framed(connection, new NetstringCodec());
  const error = await assertRejects(() => netstrings.receive(), GenericError);
  assertEquals(
    error.message,
    "Cannot decode: the stream ended 5 bytes into the frame of 8 at byte 0",
  );
  assertEquals(await netstrings.receive(), undefined);
  connection.abort();
});

Deno.test("Framed leaves bytes behind its messages to others: reads, and another codec", async () => {
  const { connection } = scriptedConnection(["head\nbody!", "7:another,tail\n", end()]);
  const lines = framed(connection, new LineCodec());
  assertEquals(await lines.receive(), "head");
  assertEquals(asText(await connection.read(5)), ["body!", 5]);
  assertEquals(await framed(connection, new NetstringCodec()).receive(), bytesOf("another"));
  assertEquals([await lines.receive(), await lines.receive()], ["tail", undefined]);
  connection.abort();
});

Deno.test("Framed.receive() gives the messages before a reset, then its error", async () => {
  const { connection } = scriptedConnection(["one\ntwo\nth", reset()]);
  const lines = framed(connection, new LineCodec());
  assertEquals([await lines.receive(), await lines.receive()], ["one", "two"]);
  for (let i = 0; i < 2; i++) {
    assertEquals((await assertRejects(() => lines.receive(), SocketError)).code, "broken");
  }
});

Deno.test("Framed.receive() is refused as busy while somebody else waits, and by wrong options", async () => {
  const { connection, clock, peer } = scriptedConnection();
  const lines = framed(connection, new LineCodec());
  const first = lines.receive();
  assertEquals((await assertRejects(() => lines.receive(), SocketError)).code, "busy");
  assertEquals((await assertRejects(() => connection.read(), SocketError)).code, "busy");
  peer.say("one\n", silence());
  assertEquals(await first, "one");
  // Nor does it take what the waiting call must get.
  const read = connection.read(9);
  peer.say("two\n", silence());
  await clock.settle();
  assertEquals((await assertRejects(() => lines.receive(), SocketError)).code, "busy");
  peer.say("three", silence());
  assertEquals(asText(await read), ["two\nthree", 9]);
  await assertRejects(() => lines.receive({ timeoutInMillis: 0 }), RangeError, "timeoutInMillis");
  connection.abort();
});

Deno.test("Framed iterates over the messages, to the peer's end", async () => {
  const { connection } = scriptedConnection(["one\ntwo\n", "three", end()]);
  const lines: string[] = [];
  const messages = framed(connection, new LineCodec());
  for await (const line of messages) {
    lines.push(line);
    if (line === "one") break;
  }
  for await (const line of messages) lines.push(line);
  for await (const _ of messages) throw new Error("must not come");
  assertEquals(lines, ["one", "two", "three"]);
  connection.abort();
});

Deno.test("Framed's iteration ends at close, throws what else ends it, and a new one goes on", async () => {
  const { connection: closed, clock } = scriptedConnection(["one\n", silence()]);
  const lines: string[] = [];
  const messages = framed(closed, new LineCodec());
  for await (const line of messages) {
    lines.push(line);
    void messages.close();
  }
  assertEquals(lines, ["one"]);
  await clock.advance(50);
  await closed.closed;

  const { connection } = scriptedConnection(["too long\nok\n", reset()]);
  const short = framed(connection, new LineCodec({ maxFrameLength: 3 }));
  const loop = async () => {
    for await (const line of short) lines.push(line);
  };
  assertEquals((await assertRejects(loop, SocketError)).code, "frame");
  assertEquals((await assertRejects(loop, SocketError)).code, "broken");
  assertEquals(lines, ["one", "ok"]);
});

Deno.test("Framed sends one message, and several as one write", async () => {
  const { connection, peer } = scriptedConnection();
  const messages = framed(connection, new JsonLinesCodec<unknown>());
  assertEquals(await messages.send({ a: 1 }), 8);
  assertEquals(await messages.sendAll([[1, 2], null, "x"]), 15);
  assertEquals(peer.writes, [bytesOf('{"a":1}\n'), bytesOf('[1,2]\nnull\n"x"\n')]);
  connection.abort();
});

Deno.test("Framed.send() and sendAll() are one write, whatever its size where nothing waits", async () => {
  for (const codec of [new LengthPrefixCodec(), new NetstringCodec(), new DelimiterCodec("\0")]) {
    for (const [count, size] of [[1, 100_000], [3, 50_000], [600, 20_000]] as const) {
      const [here, there] = connectedPair({ maxQueuedBytes: 65_536 });
      const message = new Uint8Array(size).fill(120);
      const length = count * encodeAll(codec, [message]).length;
      const messages = framed(here, codec);
      const sent = count === 1
        ? messages.send(message)
        : messages.sendAll(Array(count).fill(message));
      const ended = sent.finally(() => messages.close()).catch((error) => error.message);
      let got = 0;
      for await (const bytes of there) got += bytes.length;
      await there.close();
      assertEquals([await ended, got], [length, length]);
    }
  }
});

Deno.test("Framed.send() of what does not fit behind others is refused whole, in whatever pieces", async () => {
  const open = Promise.withResolvers<void>();
  const { connection, peer } = scriptedConnection([], { maxQueuedBytes: 65_536 }, {
    writes: [until(open.promise)],
  });
  const messages = framed(connection, new LengthPrefixCodec());
  const first = messages.send(new Uint8Array(20_000)).catch((error) => error.code);
  const fits = messages.send(new Uint8Array(45_524)).catch((error) => error.code);
  const error = await assertRejects(() => messages.send(new Uint8Array(20_000)), GenericError);
  assertEquals([error.code, error.bytesTaken], ["overflow", 0]);
  assertStringIncludes(error.message, "20004 bytes do not fit, 65532 of 65536 are queued");
  assertEquals([await first, await fits], ["overflow", "overflow"]);
  assertEquals(peer.writtenText, "");
});

Deno.test("Framed.send() in a loop answers what is there as one write, in order with other writes", async () => {
  const many = "a\nb\n" + "c\n".repeat(50);
  const { promise: answered, resolve: onAnswered } = Promise.withResolvers<unknown>();
  const { connection, peer } = scriptedConnection([many, until(answered), "d\n", end()]);
  const lines = framed(connection, new LineCodec());
  for await (const line of lines) {
    void lines.send(line).then(onAnswered);
    if (line === "b") void connection.write("!");
  }
  await connection.close();
  assertEquals(peer.writes, [bytesOf(many.replace("b\n", "b\n!")), bytesOf("d\n")]);
});

Deno.test("Framed.send() in a loop without an end goes out while the loop goes on", async () => {
  const { connection, peer } = scriptedConnection();
  const lines = framed(connection, new LineCodec());
  for (let i = 0; peer.writes.length === 0; i++) {
    if (i > 2000) throw new Error("nothing was sent");
    void lines.send("x".repeat(99));
    await Promise.resolve();
  }
  assertEquals(peer.writes[0]!.length <= 65_536, true);
  connection.abort();
});

Deno.test("Framed.send() of what cannot be said rejects and does not harm the connection", async () => {
  const { connection, peer } = scriptedConnection([end()]);
  const lines = framed(connection, new LineCodec({ maxFrameLength: 5 }));
  assertEquals((await assertRejects(() => lines.send("too long"), SocketError)).code, "frame");
  await assertRejects(() => lines.send(5 as never), TypeError, "got 5");
  await assertRejects(() => lines.sendAll(["a", "too long"]), SocketError);
  assertEquals(await lines.send("short"), 6);
  assertEquals(peer.writtenText, "short\n");
  void lines.close();
  assertEquals((await assertRejects(() => lines.send("late"), SocketError)).code, "closed");
  connection.abort();
});

Deno.test("Framed.send() and sendAll() refuse promises, and leave none unhandled", async () => {
  const unawaited = () => Promise.reject(new Error("no such thing")) as never;
  const stringify: Codec<string> = {
    decoder: () => new LineCodec().decoder(),
    encode: (message, frames) => frames.write(`${message}\n`),
  };
  for (const codec of [new LineCodec(), new JsonLinesCodec<string>(), stringify]) {
    const { connection, peer } = scriptedConnection([end()]);
    const messages = framed<unknown, string>(connection, codec);
    const wrong = [
      () => messages.send(unawaited()),
      () => messages.sendAll([unawaited()]),
      () => messages.sendAll(["a", unawaited(), "b", unawaited()]),
      () => messages.sendAll(["a", unawaited()].values()),
      () => messages.sendAll(unawaited()),
    ];
    for (const send of wrong) await assertRejects(send, TypeError, "await it first");
    // The test runner fails this test if any were unhandled.
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(peer.writtenText, "");
    connection.abort();
  }
});

Deno.test("Framed.send() of a message with a promise inside, which a codec would write, leaves it handled", async () => {
  const { connection } = scriptedConnection([end()]);
  const messages = framed<string, { text: string }>(connection, {
    decoder: () => new LineCodec().decoder(),
    encode: ({ text }, frames) => frames.write(text),
  });
  const text = Promise.reject(new Error("no such thing")) as never;
  await assertRejects(() => messages.send({ text }), TypeError, "await it first");
  await new Promise((resolve) => setTimeout(resolve, 0));
  connection.abort();
});

Deno.test("Framed is closed at the end of its await using block, and what was sent goes out", async () => {
  const { connection, peer } = scriptedConnection([end()]);
  {
    await using lines = framed(connection, new LineCodec());
    assertStrictEquals(lines.connection, connection);
    void lines.send("bye");
  }
  assertEquals([peer.writtenText, peer.isClosed], ["bye\n", true]);
});

Deno.test("Framed ends talk to each other", async () => {
  const [near, far] = connectedPair();
  const one = framed(near, new JsonLinesCodec<number>());
  const other = framed(far, new JsonLinesCodec<number>());
  const echo = (async () => {
    for await (const message of other) await other.send(message * 2);
    await other.close();
  })();
  for (let i = 0; i < 100; i++) {
    await one.send(i);
    assertEquals(await one.receive(), i * 2);
  }
  await one.connection.shutdownWrite();
  assertEquals(await one.receive(), undefined);
  await echo;
});

Deno.test("Framed.abort() frees the socket at once, and Framed.closed tells why", async () => {
  const { connection, peer } = scriptedConnection();
  const lines = framed(connection, new LineCodec());
  const received = assertRejects(() => lines.receive(), GenericError, "Aborted");
  lines.abort("enough");
  await received;
  const error = await lines.closed;
  assertEquals([error?.code, error?.cause, peer.isClosed], ["aborted", "enough", true]);

  const other = scriptedConnection([end()]).connection;
  const polite = framed(other, new LineCodec());
  await polite.close();
  assertEquals(await polite.closed, undefined);
});

Deno.test("framed() is the only way to make a Framed", () => {
  assertEquals(["framed" in socket, "Framed" in socket], [true, false]);
});

Deno.test("Framed.trySend() says no when the peer is slow, and throws what cannot be encoded", async () => {
  const { connection, peer, clock } = scriptedConnection([], { maxQueuedBytes: 50 }, {
    writes: [silence()],
  });
  const lines = framed(connection, new LineCodec());
  assertThrows(() => lines.trySend("a\nb"), GenericError, "Cannot encode");
  const line = "x".repeat(29);
  const answers = [];
  for (let i = 0; i < 4; i++) {
    answers.push(lines.trySend(line));
    await clock.settle();
  }
  assertEquals([answers, connection.queuedBytes], [[true, true, false, false], 60]);
  const drained = lines.drained({ timeoutInMillis: 5 }).catch((error) => error.code);
  await clock.advance(5);
  assertEquals([await drained, peer.writtenText], ["timed-out", ""]);
  connection.abort();
  assertEquals(lines.trySend("late"), false);
});

Deno.test("Framed.trySend() queues all of a message that is in pieces, or nothing", async () => {
  const { connection, peer, clock } = scriptedConnection([], { maxQueuedBytes: 30_000 }, {
    writes: [silence()],
  });
  const messages = framed(connection, new LengthPrefixCodec());
  assertEquals(messages.trySend(new Uint8Array(20_000)), true);
  await clock.settle();
  assertEquals([messages.trySend(new Uint8Array(20_000)), connection.queuedBytes], [true, 40_008]);
  await clock.settle();
  assertEquals([messages.trySend(new Uint8Array(20_000)), connection.queuedBytes], [false, 40_008]);
  assertEquals(peer.written.length, 0);
  connection.abort();
});

Deno.test("Framed.send() that fails says how much of all of the message had gone out", async () => {
  const { connection, clock } = scriptedConnection([], {}, { writes: [4, 1_000, silence()] });
  const messages = framed(connection, new LengthPrefixCodec());
  const sending = messages.send(new Uint8Array(20_000)).catch((error) => error);
  const behind = messages.send(new Uint8Array(20_000)).catch((error) => error);
  await clock.settle();
  connection.abort();
  const { bytesTaken, message } = await sending;
  assertEquals(bytesTaken, 1_004);
  assertEquals(
    message,
    "Aborted by this side; of this write the system had taken 1004 of 20004 bytes",
  );
  assertEquals((await behind).bytesTaken, 0);
});
