import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError, type SocketError } from "../../src/base/errors.ts";
import { Exchange } from "../../src/framing/exchange.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { readService } from "../../src/connection/service.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { LengthPrefixCodec } from "../../src/framing/length_prefix_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { end, until } from "../../testing/mod.ts";
import { isPending, scriptedConnection } from "../support/scripted_connection.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("Exchange.next() takes what has come whole, and leaves the rest", async () => {
  const { connection } = scriptedConnection(["one\ntwo\nth", end()]);
  const lines = new Exchange(connection, new LineCodec());
  assertEquals(lines.next(), undefined);
  await connection.peek(1);
  assertEquals([lines.next(), lines.next(), lines.next()], ["one", "two", undefined]);
  assertEquals(lines.hasEnded, false);
  await connection.peek(3);
  assertEquals([lines.hasEnded, lines.next(), lines.next()], [true, "th", undefined]);
  connection.abort();
});

Deno.test("Exchange.next() says so when the stream has ended inside a message, once", async () => {
  const { connection } = scriptedConnection(["\0\0\0\x05hel", end()]);
  const messages = new Exchange(connection, new LengthPrefixCodec());
  await connection.peek(100);
  assertThrows(() => messages.next(), GenericError, "ended 7 bytes into the frame of 9 at byte 0");
  assertEquals(messages.next(), undefined);
  connection.abort();
});

Deno.test("Exchange.next() gives nothing any more after shutdownRead", async () => {
  const { connection } = scriptedConnection(["abc"]);
  // Takes everything at once and gives it bit by bit.
  const letters = new Exchange<string, string>(connection, {
    decoder() {
      const there: string[] = [];
      return {
        decode(bytes) {
          there.push(...new TextDecoder().decode(bytes.takeAll()));
          return there.shift();
        },
      };
    },
    encode() {},
  });
  await connection.peek(1);
  assertEquals(letters.next(), "a");
  connection.shutdownRead();
  assertEquals([letters.hasEnded, letters.next()], [true, undefined]);
  connection.abort();
});

Deno.test("Exchange gathers messages and sends them as one write", async () => {
  const { connection, peer } = scriptedConnection();
  const lines = new Exchange(connection, new LineCodec());
  for (const line of ["one", "two", "three"]) lines.append(line);
  assertEquals(peer.writes.length, 0);
  assertEquals(await lines.flush(), 14);
  assertEquals(await lines.flush(), 0);
  assertEquals(peer.writes, [bytesOf("one\ntwo\nthree\n")]);
  connection.abort();
});

Deno.test("Exchange.send() keeps the order with what is gathered", async () => {
  const { connection, peer } = scriptedConnection();
  const lines = new Exchange(connection, new LineCodec());
  lines.append("one");
  assertEquals(await lines.send("two"), 4);
  lines.append("three");
  assertEquals(await lines.sendAll(["four", "five"]), 10);
  assertEquals(peer.writes, [bytesOf("one\ntwo\n"), bytesOf("three\nfour\nfive\n")]);
  connection.abort();
});

Deno.test("Exchange.sendAll() sends nothing when one message cannot be encoded", async () => {
  const { connection, peer } = scriptedConnection();
  const lines = new Exchange(connection, new LineCodec());
  const error = await assertRejects(() => lines.sendAll(["one", "t\nwo"]), GenericError);
  assertEquals(error.code, "frame");
  void lines.sendAll(["t\nwo"]); // not waited for, and no unhandled rejection
  assertEquals(await lines.send("three"), 6);
  assertEquals(peer.writtenText, "three\n");
  connection.abort();
});

Deno.test("Exchange counts the bytes of a message that is sent in several pieces", async () => {
  const { connection, peer } = scriptedConnection();
  const messages = new Exchange(connection, new LengthPrefixCodec());
  assertEquals(await messages.send(new Uint8Array(100_000)), 100_004);
  assertEquals(peer.written.length, 100_004);
  connection.abort();
  for (const message of ["x", new Uint8Array(100_000)]) {
    const error = await assertRejects(() => messages.send(message), Error);
    assertEquals((error as SocketError).code, "aborted");
    void messages.send(message); // not waited for, and no unhandled rejection
  }
});

Deno.test("Exchange.flushAtPace() waits only where the peer is slow", async () => {
  const reads = Promise.withResolvers<void>();
  const { connection, clock } = scriptedConnection([], {}, { writes: [until(reads.promise)] });
  const lines = new Exchange(connection, new LineCodec());
  lines.append("short");
  assertEquals([lines.isFull, lines.flushAtPace()], [false, undefined]);
  for (let i = 0; i < 70; i++) lines.append("x".repeat(999));
  assertEquals(lines.isFull, true);
  const sent = lines.flushAtPace()!;
  assertEquals(lines.isFull, false);
  assertEquals(await isPending(clock, sent), true);
  reads.resolve();
  assertEquals(await sent, 70_000);
  connection.abort();
});

Deno.test("Exchange.receive() lets out what is gathered before it waits", async () => {
  const { connection, peer, clock } = scriptedConnection();
  const lines = new Exchange(connection, new LineCodec());
  lines.append("question");
  const answer = lines.receive(undefined);
  await clock.settle();
  assertEquals(peer.writtenText, "question\n");
  peer.say("answer\n");
  assertEquals(await answer, "answer");
  connection.abort();
});

Deno.test("Exchange tells whether the connection is open, and when it is over", async () => {
  const { connection, clock } = scriptedConnection();
  const lines = new Exchange(connection, new LineCodec());
  const freed = new Promise<void>((resolve) => lines.whenFreed(resolve));
  assertEquals([lines.isOpen, await isPending(clock, freed)], [true, true]);
  connection.abort();
  assertEquals(lines.isOpen, false);
  await freed;
});

Deno.test("Exchange.position is where the next message begins, and offered what may have gone out", async () => {
  const open = Promise.withResolvers<void>();
  const { connection, clock } = scriptedConnection([], {}, { writes: [until(open.promise)] });
  const lines = new Exchange<string, string>(connection, new LineCodec());
  lines.append("one");
  assertEquals([lines.position, lines.offered], [4, 0]);
  void lines.flush();
  assertEquals([lines.position, lines.offered, lines.written], [4, 0, 4]);
  await clock.settle();
  lines.append("two");
  assertEquals([lines.position, lines.offered, lines.written], [8, 4, 4]);
  open.resolve();
  await lines.flush();
  assertEquals([lines.position, lines.offered], [8, 8]);
  connection.abort();
});

Deno.test("Exchange that has looked once does not let its service leave everything unread", async () => {
  const MIB = 1024 * 1024;
  const { connection } = scriptedConnection(Array(20).fill(new Uint8Array(MIB)));
  let lines: Exchange<string, string> | undefined;
  serve(
    connection,
    readService({
      onReadReady(caller: Connection) {
        if (lines !== undefined) return;
        lines = new Exchange(caller, new LineCodec({ maxFrameLength: 100 * MIB }));
        assertEquals(lines.next(), undefined);
      },
      onError() {},
    }),
  );
  assertEquals((await connection.closed)?.code, "overflow");
});
