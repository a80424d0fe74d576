import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { GenericError, type SocketError } from "../../mod.ts";
import {
  broken,
  connectedTransports,
  end,
  fail,
  reset,
  silence,
  until,
} from "../../testing/mod.ts";
import { Connection, coreOf } from "../../src/connection/connection.ts";
import { asText, isPending, scriptedConnection } from "../support/scripted_connection.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Writes wait until it is opened, then everything is taken. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { step: until(promise), open: resolve };
}

/** The error of a write says what the connection's says, and how much had gone out. */
function assertIsTold(error: GenericError, ended: SocketError | undefined): void {
  assertEquals([error.code, error.cause], [ended!.code, ended!.cause]);
  assert(error.message.startsWith(ended!.message), error.message);
  assertEquals(typeof error.bytesTaken, "number");
}

Deno.test("Connection.write() sends all of it, however little each kernel write takes", async () => {
  const { connection, peer } = scriptedConnection([], {}, { writes: [1, 2, 3, 1, 1] });
  assertEquals(await connection.write("hello, world"), 12);
  assertEquals(peer.writtenText, "hello, world");
  assertEquals([connection.bytesWritten, connection.queuedBytes], [12, 0]);
  connection.abort();
});

Deno.test("Connection.write() keeps call order and never mixes writers, awaited or not", async () => {
  const { connection, peer } = scriptedConnection([], {}, { writes: [3, 5, 1, 2, 7, 1, 1, 1, 4] });
  const counts = await Promise.all(
    ["aaaa", "bbbbbbbb", "", "cc", "dddddddddd"].map((text) => connection.write(text)),
  );
  assertEquals(counts, [4, 8, 0, 2, 10]);
  assertEquals(peer.writtenText, "aaaabbbbbbbbccdddddddddd");
  connection.abort();
  assertEquals(peer.violations, []);
});

Deno.test("Connection.write()s of one turn go out as one kernel write, and so do those behind one", async () => {
  const { step, open } = gate();
  const { connection, peer, clock } = scriptedConnection([], {}, { writes: [step] });
  void connection.write("a");
  void connection.write("b");
  await clock.settle();
  void connection.write("c");
  await clock.settle();
  void connection.write("d");
  const last = connection.write("e");
  open();
  await last;
  assertEquals(peer.writes.map((bytes) => new TextDecoder().decode(bytes)), ["ab", "cde"]);
  connection.abort();
});

Deno.test("Connection.write() sends big content in place and gathers small content up to 64 KiB", async () => {
  const { connection, peer } = scriptedConnection();
  const writes = [100, 100, 16 * KIB, 10, ...Array(70).fill(KIB)];
  await Promise.all(writes.map((length) => connection.write(new Uint8Array(length))));
  assertEquals(peer.writes.map((bytes) => bytes.length), [200, 16 * KIB, 10 + 63 * KIB, 7 * KIB]);
  connection.abort();
});

Deno.test("Connection.write() resolves only when the kernel has the bytes", async () => {
  const { step, open } = gate();
  const { connection, clock } = scriptedConnection([], {}, { writes: [3, step] });
  const writing = connection.write("abcdef");
  assert(await isPending(clock, writing));
  assertEquals([connection.bytesWritten, connection.queuedBytes], [3, 3]);
  open();
  assertEquals(await writing, 6);
  connection.abort();
});

Deno.test("Connection.write() that is refused for its content, or after an end, harms nothing", async () => {
  const { connection, peer } = scriptedConnection();
  for (const wrong of [5, null, undefined, [1, 2], new ArrayBuffer(2)]) {
    await assertRejects(
      () => connection.write(wrong as unknown as string),
      TypeError,
      "Content must be",
    );
  }
  await connection.write("ok");
  await connection.shutdownWrite();
  await connection.shutdownWrite();
  const error = await assertRejects(() => connection.write("late"), GenericError);
  assertEquals(error.code, "closed");
  peer.say("answer");
  assertEquals((await connection.read())[1], 6);
  assertEquals(peer.writtenText, "ok");
  connection.abort();
});

Deno.test("Connection.write() that nobody awaits is no unhandled rejection, whatever refuses it", async () => {
  const { connection, clock } = scriptedConnection([], { maxQueuedBytes: 4 }, {
    writes: [broken()],
  });
  void connection.write(5 as unknown as string);
  void connection.write(Promise.reject(new Error("not awaited")) as never);
  void connection.write("abc");
  await clock.advance(50);
  const error = await connection.closed;
  assertEquals(error!.code, "broken");
  void connection.write("after");
  void connection.shutdownWrite();
  // The test runner fails this test if any of them were unhandled.
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
});

Deno.test("Connection.write()'s failure is the connection's, and every queued write's", async () => {
  const { connection, peer, clock } = scriptedConnection([], {}, { writes: [1, broken()] });
  const writes = ["ab", "cd"].map((text) => connection.write(text).catch((error) => error));
  const waiting = connection.read().catch((error) => error);
  await clock.advance(50); // Nothing arrived before.
  const error = await connection.closed;
  assertEquals([error!.code, error!.cause instanceof Deno.errors.BrokenPipe], ["broken", true]);
  assertStrictEquals(await waiting, error);
  const more = connection.write("more").catch((error) => error);
  const failed = await Promise.all([...writes, more]);
  for (const each of failed) assertIsTold(each, error);
  assertEquals(failed.map(({ bytesTaken }) => bytesTaken), [1, 0, 0]);
  assertStringIncludes(failed[0].message, "; of this write the system had taken 1 of 2 bytes");
  assertEquals(error!.message.includes("of this write"), false);
  assertEquals(connection.queuedBytes, 0);
  assert(peer.isClosed);
});

Deno.test("Connection.write()'s failure loses nothing that the peer sent before", async () => {
  for (const last of [reset(), end()]) {
    const { connection } = scriptedConnection(["answer", " and more", last], {}, {
      writes: [broken()],
    });
    const error = await connection.write("question").catch((error) => error);
    assertIsTold(error, await connection.closed);
    assertEquals(asText(await connection.read(6)), ["answer", 6]);
    assertEquals(asText(await connection.read()), [" and more", 9]);
  }
});

Deno.test("Connection.write()'s failure leaves a pending read what the peer sent before", async () => {
  const { step, open } = gate();
  const { connection } = scriptedConnection([step, "answer", reset()], {}, { writes: [broken()] });
  const reading = connection.read(6);
  const error = await connection.write("question").catch((error) => error);
  open();
  assertEquals(asText(await reading), ["answer", 6]);
  const ended = await connection.closed;
  assertIsTold(error, ended);
  assertStrictEquals(await connection.read().catch((error) => error), ended);
});

Deno.test("Connection.write()'s failure ends the connection, however much the peer sends", async () => {
  const endless = Array.from({ length: 40 }, () => new Uint8Array(256 * 1024));
  const { connection } = scriptedConnection(endless, {}, { writes: [broken()] });
  void connection.write("question");
  assertEquals((await connection.closed)!.code, "broken");
  assert(connection.bytesRead < 9 * 1024 * 1024);
});

Deno.test("Connection.write() is accepted when nothing is queued, whatever its size, else when it fits", async () => {
  const { step, open } = gate();
  const { connection, peer, clock } = scriptedConnection([], { maxQueuedBytes: 10 }, {
    writes: [step],
  });
  const first = connection.write("x".repeat(50));
  assertEquals(connection.queuedBytes, 50);
  open();
  await first;
  void connection.write("12345");
  const fits = connection.write("67890");
  assertEquals(connection.queuedBytes, 10);
  await fits;
  assertEquals(peer.written.length, 60);
  assert(await isPending(clock, connection.closed));
  connection.abort();
});

Deno.test("Connection.write() that does not fit is refused whole, and ends the connection", async () => {
  const { connection, peer } = scriptedConnection([], { maxQueuedBytes: 10 }, {
    writes: [silence()],
  });
  const first = connection.write("12345678").catch((error) => error);
  const error = await assertRejects(() => connection.write("abc"), GenericError);
  assertEquals(error.code, "overflow");
  assertStringIncludes(error.message, "3 bytes do not fit, 8 of 10 are queued");
  assertIsTold(error, await connection.closed);
  assertIsTold(await first, await connection.closed);
  assertEquals([peer.writtenText, peer.isClosed], ["", true]);
});

Deno.test("Connection.write() has a limit of writes, too, empty ones included", async () => {
  const { connection, peer } = scriptedConnection([], { maxQueuedBytes: 100 }, {
    writes: [silence()],
  });
  for (let i = 0; i < 1_024; i++) void connection.write("");
  const error = await assertRejects(() => connection.write(""), GenericError);
  assertEquals(error.code, "overflow");
  assertStringIncludes(error.message, "1024 writes are queued already");
  assertIsTold(error, await connection.closed);
  assert(peer.isClosed);
  const roomy = scriptedConnection();
  for (let i = 0; i < 100_000; i++) void roomy.connection.write("x");
  assertEquals(await roomy.connection.write("y"), 1);
  roomy.connection.abort();
});

Deno.test("Connection's write timeout counts time without progress, and ends the connection", async () => {
  const gates = [gate(), gate(), gate()];
  const { connection, clock } = scriptedConnection([], { writeTimeoutInMillis: 100 }, {
    writes: gates.flatMap(({ step }) => [step, 1]).concat([silence()]),
  });
  const writing = connection.write("abcdef").catch((error) => error);
  for (const { open } of gates) {
    await clock.advance(90);
    open();
    await clock.settle();
  }
  assertEquals(connection.bytesWritten, 3);
  await clock.advance(99);
  assert(await isPending(clock, writing));
  await clock.advance(1);
  const error = await connection.closed;
  assertEquals(error!.code, "timed-out");
  assertStringIncludes(error!.message, "took none of 3 bytes for 100 ms");
  assertIsTold(await writing, error);
  assertEquals(clock.pending, 0);
});

Deno.test("Connection.shutdownWrite() ends after everything queued, and reading goes on", async () => {
  const { step, open } = gate();
  const { connection, peer, clock } = scriptedConnection([], {}, { writes: [step] });
  void connection.write("abc");
  const ended = connection.shutdownWrite();
  assert(await isPending(clock, ended));
  assertEquals(peer.calls.includes("closeWrite"), false);
  open();
  await ended;
  assertEquals([peer.writtenText, peer.calls.at(-1)], ["abc", "closeWrite"]);
  peer.say("later");
  assertEquals((await connection.read())[1], 5);
  connection.abort();
});

Deno.test("Connection.write() delivers every byte in order for any sizes and any short writes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 40_000 }), fc.boolean()), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 40 }),
      async (contents, takes) => {
        const { connection, peer } = scriptedConnection([], {}, { writes: takes });
        const expected: number[] = [];
        const writes = [];
        for (const [i, [length, isAwaited]] of contents.entries()) {
          const bytes = new Uint8Array(length).fill(i);
          expected.push(...bytes);
          const writing = connection.write(bytes);
          writes.push(writing);
          if (isAwaited) await writing;
        }
        assertEquals(await Promise.all(writes), contents.map(([length]) => length));
        assertEquals(peer.written, new Uint8Array(expected));
        connection.abort();
        assertEquals(peer.violations, []);
      },
    ),
    { seed: 20_262, numRuns: 60 },
  );
});

Deno.test("Connection.write() of bytes that are not what they were ends the connection, and counts nothing", async () => {
  const resizable = (length: number, most: number) =>
    new Uint8Array(new ArrayBuffer(length, { maxByteLength: most }));
  const ways: [string, () => Uint8Array<ArrayBuffer>, (bytes: Uint8Array<ArrayBuffer>) => void][] =
    [
      ["transferred", () => new Uint8Array(100), (bytes) => void bytes.buffer.transfer()],
      ["shrunk", () => resizable(100, 200), (bytes) => bytes.buffer.resize(10)],
      ["grown", () => resizable(100, 200), (bytes) => bytes.buffer.resize(150)],
      ["transferred, big", () => new Uint8Array(64 * KIB), (bytes) => void bytes.buffer.transfer()],
    ];
  for (const [way, make, change] of ways) {
    const hold = gate();
    const { connection, peer, clock } = scriptedConnection([], {}, { writes: [5, hold.step] });
    const before = connection.write("hello");
    await before;
    const bytes = make();
    const writes = [connection.write("first "), connection.write(bytes), connection.write("last")];
    const fates = Promise.allSettled(writes);
    change(bytes);
    hold.open();
    await clock.advance(100);
    const [first, ...others] = await fates;
    assertEquals([first!.status, ...others.map(({ status }) => status)], [
      "fulfilled",
      "rejected",
      "rejected",
    ], way);
    const error = await connection.closed;
    assertEquals([error?.code, (error?.cause as Error).name], ["broken", "TypeError"], way);
    assertEquals([peer.writtenText, connection.queuedBytes], ["hellofirst ", 0], way);
  }
});

Deno.test("Connection.write() of bytes that are transferred half sent ends the connection", async () => {
  const hold = gate();
  const { connection, clock } = scriptedConnection([], {}, { writes: [20_000, hold.step] });
  const bytes = new Uint8Array(64 * KIB);
  const writing = assertRejects(() => connection.write(bytes), GenericError);
  await clock.settle();
  assertEquals(connection.bytesWritten, 20_000);
  bytes.buffer.transfer();
  hold.open();
  await clock.advance(1_000);
  await writing;
  assertEquals([(await connection.closed)?.code, connection.queuedBytes], ["broken", 0]);
});

/** Bytes that lost their buffer, in each possible way. */
function takenAway(length: number): Uint8Array[] {
  const transferred = new Uint8Array(length);
  transferred.buffer.transfer();
  const outside = new ArrayBuffer(length + 1, { maxByteLength: length + 1 });
  const cutOff = new Uint8Array(outside, 1, length);
  outside.resize(0);
  return [transferred, cutOff];
}

Deno.test("Connection.write() of bytes that were taken away before it is refused, and harms nothing", async () => {
  for (const length of [1, 100_000]) {
    for (const gone of takenAway(length)) {
      const { connection, peer } = scriptedConnection();
      const writes = [connection.write("be"), connection.write(gone), connection.write("side")];
      const [before, refused, behind] = await Promise.allSettled(writes);
      assertEquals([before!.status, refused!.status, behind!.status], [
        "fulfilled",
        "rejected",
        "fulfilled",
      ]);
      const { reason } = refused as PromiseRejectedResult;
      assert(reason instanceof TypeError);
      assertStringIncludes(reason.message, "its buffer was transferred or shrunk");
      assertEquals([peer.writtenText, connection.queuedBytes], ["beside", 0]);
      connection.abort();
    }
  }
});

Deno.test("Connection.write() of no bytes, whose buffer is transferred then, ends nothing", async () => {
  const { connection, peer } = scriptedConnection();
  const none = new Uint8Array(0);
  const writes = [connection.write("be"), connection.write(none), connection.write("side")];
  none.buffer.transfer();
  assertEquals(await Promise.all(writes), [2, 0, 4]);
  assertEquals(peer.writtenText, "beside");
  connection.abort();
});

Deno.test("Connection.write() rejects, and does not throw, where bytes are none but say so", async () => {
  const { connection } = scriptedConnection();
  const pretender = Object.create(Uint8Array.prototype);
  for (const wrong of [pretender, new Proxy(new Uint8Array(3), {})]) {
    await assertRejects(() => connection.write(wrong), TypeError, "Content must be");
  }
  assertEquals(await connection.write("on"), 2);
  connection.abort();
});

Deno.test("Connection.write() that fails since its buffer was shrunk under way says so", async () => {
  const hold = gate();
  const { connection, clock } = scriptedConnection([], {}, {
    writes: [hold.step, fail(new Error("Bad address (os error 14)"))],
  });
  const bytes = new Uint8Array(new ArrayBuffer(64 * KIB, { maxByteLength: 64 * KIB }));
  const writing = assertRejects(() => connection.write(bytes), GenericError, "or resized before");
  await clock.settle();
  bytes.buffer.resize(1);
  hold.open();
  await clock.advance(1_000);
  await writing;
  assertEquals([(await connection.closed)?.code, connection.queuedBytes], ["broken", 0]);
});

Deno.test("Connection.write() asks a transport that can be written without a promise for one only to wait", async () => {
  const { step, open } = gate();
  const { connection, peer, clock } = scriptedConnection([], {}, {
    canTry: true,
    writes: [5, 2, step],
  });
  assertEquals(await connection.write("hello"), 5);
  const writing = connection.write("abcd");
  assert(await isPending(clock, writing));
  assertEquals([connection.bytesWritten, connection.queuedBytes], [7, 2]);
  open();
  assertEquals(await writing, 4);
  assertEquals(peer.calls.slice(1), ["tryWrite 5", "tryWrite 4", "write 2"]);
  assertEquals(peer.writtenText, "helloabcd");
  connection.abort();
});

Deno.test("Connection.write() of very much that is taken without waiting is no recursion", async () => {
  const { connection, peer } = scriptedConnection([], { maxQueuedBytes: 1_000 * MIB }, {
    canTry: true,
  });
  const big = new Uint8Array(16 * KIB);
  const writes = Array.from({ length: 20_000 }, () => connection.write(big));
  assertEquals((await Promise.all(writes)).length, 20_000);
  assertEquals(peer.writes.length, 20_000);
  connection.abort();
});

Deno.test("Connection.write() that has gone out resolves, although the one behind it fails with it", async () => {
  const { connection } = scriptedConnection([], {}, { writes: [3, broken()] });
  const [whole, cut, none] = ["ab", "cd", "ef"].map((text) =>
    connection.write(text).catch((error) => error.bytesTaken)
  );
  assertEquals(await Promise.all([whole, cut, none]), [2, 1, 0]);
  connection.abort();
});

Deno.test("Connection.write() that is aborted says what had gone out", async () => {
  const { connection, clock } = scriptedConnection([], {}, { writes: [4, silence()] });
  const writing = connection.write("abcdef").catch((error) => error);
  await clock.settle();
  connection.abort("why");
  const error = await writing;
  assertEquals([error.code, error.cause, error.bytesTaken], ["aborted", "why", 4]);
});

for (const how of ["abort", "overflow"]) {
  Deno.test(`Connection.write() that is out, without a word yet, is not called untaken: ${how}`, async () => {
    const [here, there] = connectedTransports();
    const send = here.write.bind(here);
    const begun = Promise.withResolvers<void>();
    // As through TLS: the system has the bytes some microtasks before it is known here.
    const late = Object.assign(here, {
      tryWrite: undefined,
      async write(bytes: Uint8Array) {
        const count = await send(bytes);
        begun.resolve();
        for (let i = 0; i < 8; i++) await undefined;
        return count;
      },
    });
    const connection = new Connection(late, { maxQueuedBytes: 10 });
    const out = connection.write("abcdef").catch((error) => error.bytesTaken);
    await begun.promise;
    const behind = connection.write("gh").catch((error) => [error.code, error.bytesTaken]);
    if (how === "abort") connection.abort();
    else await assertRejects(() => connection.write("ijklmn"), GenericError, "do not fit");
    assertEquals(await out, 6);
    assertEquals(await behind, [how === "abort" ? "aborted" : how, 0]);
    assertEquals(connection.bytesWritten, 6);
    await connection.closed;
    there.close();
  });
}

for (const how of ["refused", "aborted"]) {
  Deno.test(`Connection.write() counts what its engine may have sent without a word: ${how}`, async () => {
    const { connection, peer, clock } = scriptedConnection([], {}, {
      writes: [4, how === "refused" ? broken() : silence()],
    });
    Object.assign(peer, { mayHaveSent: 3 });
    const writes = ["ab", "cd", "ef", "gh", "ij"].map((text) =>
      connection.write(text).catch((error) => error.bytesTaken + 0.5)
    );
    await clock.settle();
    if (how === "aborted") connection.abort();
    assertEquals(await Promise.all(writes), [2, 2, 2.5, 1.5, 0.5]);
    // What may have gone out counts as offered: a request in it must not be sent again.
    assertEquals(coreOf(connection).writer.bytesOffered, 7);
    assertEquals(connection.bytesWritten, 4);
    connection.abort();
  });
}

const odd: Record<string, PropertyDescriptor> = {
  "throws": {
    get() {
      throw new Error("odd");
    },
  },
  "is no number": { value: NaN },
};
for (const [how, member] of Object.entries(odd)) {
  Deno.test(`Connection.write() of a stream whose mayHaveSent ${how} counts all that was offered`, async () => {
    const { connection, peer, clock } = scriptedConnection([], {}, { writes: [broken()] });
    Object.defineProperty(peer, "mayHaveSent", member);
    const write = connection.write("abc").catch((error) => error.bytesTaken);
    await clock.settle();
    assertEquals(await write, 3);
    // What the peer had sent is read until it is silent.
    await clock.advance(50);
    assertEquals((await connection.closed)!.code, "broken");
  });
}

const chunk = "x".repeat(100);

Deno.test("Connection.tryWrite() takes what is written in one turn, however little may be queued", async () => {
  const { connection, peer } = scriptedConnection([], { maxQueuedBytes: 10 });
  for (let i = 0; i < 5_000; i++) assert(connection.tryWrite(`${i % 10}`));
  await connection.drained();
  assertEquals([peer.written.length, connection.queuedBytes], [5_000, 0]);
  connection.abort();
});

Deno.test("Connection.tryWrite() says no when the system has refused the limit, and yes when it takes again", async () => {
  const { step, open } = gate();
  const { connection, peer, clock } = scriptedConnection([], { maxQueuedBytes: 250 }, {
    writes: [step],
  });
  const tryThrice = async () => {
    const answers = [];
    for (let i = 0; i < 3; i++) {
      answers.push(connection.tryWrite(chunk));
      await clock.settle();
    }
    return answers;
  };
  // The third finds out: it is queued, and those behind it are not.
  assertEquals(await tryThrice(), [true, true, true]);
  assertEquals(await tryThrice(), [false, false, false]);
  assertEquals([connection.queuedBytes, connection.tryWrite("")], [300, true]);
  open();
  await connection.drained();
  assertEquals(await tryThrice(), [true, true, true]);
  assertEquals(peer.written.length, 600);
  assert(await isPending(clock, connection.closed));
  connection.abort();
});

Deno.test("Connection.tryWrite() counts what was refused by bytes and by writes", async () => {
  const { connection, clock } = scriptedConnection([], { maxQueuedBytes: 100_000 }, {
    writes: [silence()],
  });
  let count = 0;
  for (; connection.tryWrite("x"); count++) {
    if (count % 100 === 0) await clock.settle();
    assert(count < 10_000, "it has no end");
  }
  assert(count >= 1_562);
  connection.abort();
});

Deno.test("Connection.tryWrite() in a loop that waits for nothing ends, at 16 MiB", () => {
  const { connection } = scriptedConnection([], { maxQueuedBytes: 100 }, { writes: [silence()] });
  const big = new Uint8Array(KIB * KIB);
  let count = 0;
  while (connection.tryWrite(big)) assert(++count <= 16, "it has no end");
  assertEquals(count, 16);
  const { connection: other } = scriptedConnection([], { maxQueuedBytes: 100 });
  for (count = 0; other.tryWrite("x"); count++) assert(count < MIB, "it has no end");
  assertEquals(count, 16 * MIB / 64);
  connection.abort();
  other.abort();
});

Deno.test("Connection.tryWrite() says no where nothing goes out any more, and refuses what is no content", async () => {
  const ended = scriptedConnection();
  await ended.connection.shutdownWrite();
  const closed = scriptedConnection([], {}, { writes: [silence()] });
  assert(closed.connection.tryWrite("x"));
  void closed.connection.close();
  const aborted = scriptedConnection();
  aborted.connection.abort();
  for (const { connection } of [ended, closed, aborted]) {
    assertEquals([connection.tryWrite("x"), connection.tryWrite("")], [false, false]);
  }
  assertThrows(() => ended.connection.tryWrite(1 as never), TypeError, "Content must be");
  for (const { connection } of [ended, closed, aborted]) connection.abort();
  // Who tries until it works must come to an end.
  const fates = await Promise.all(
    [ended, aborted].map(({ connection }) => connection.drained().catch((error) => error.code)),
  );
  assertEquals(fates, ["aborted", "aborted"]);
});

Deno.test("Connection.tryWrite() until it works comes to an end when writing was ended", async () => {
  const { connection } = scriptedConnection();
  await connection.shutdownWrite();
  const { code } = await assertRejects(() => connection.drained(), GenericError);
  assertEquals(code, "closed");
  connection.abort();
});

Deno.test("Connection.drained() resolves when so little is queued, and loses nothing by giving up", async () => {
  const gates = [gate(), gate()];
  const { connection, peer, clock } = scriptedConnection([], {}, {
    writes: [gates[0]!.step, 60, gates[1]!.step],
  });
  await connection.drained();
  void connection.write(chunk);
  const [half, all] = [connection.drained({ below: 50 }), connection.drained()];
  const controller = new AbortController();
  const given = connection.drained({ signal: controller.signal }).catch((error) => error);
  const late = connection.drained({ timeoutInMillis: 10 }).catch((error) => error);
  controller.abort("enough");
  assertEquals(await given, "enough");
  await clock.advance(10);
  const { name, code, message } = await late;
  assertEquals([name, code], ["GenericError", "timed-out"]);
  assertStringIncludes(message, "100 bytes are queued after 10 ms, not less than 1");
  assert(await isPending(clock, half));
  gates[0]!.open();
  await half;
  assertEquals(connection.queuedBytes, 40);
  assert(await isPending(clock, all));
  gates[1]!.open();
  await all;
  connection.abort();
  assertEquals([peer.written.length, clock.pending], [100, 0]);
});

Deno.test("Connection.drained() rejects when the connection ends, and needs nobody to look", async () => {
  const { connection, clock } = scriptedConnection([], {}, { writes: [silence()] });
  void connection.write("x");
  void connection.drained();
  const waiting = connection.drained({ timeoutInMillis: 1_000 }).catch((error) => error.code);
  await clock.settle();
  connection.abort();
  assertEquals([await waiting, clock.pending], ["aborted", 0]);
  assertEquals(await connection.drained().catch((error) => error.code), "aborted");
  await assertRejects(() => connection.drained({ below: 0 }), RangeError, "below must be");
  await assertRejects(
    () => connection.drained({ bellow: 1 } as never),
    TypeError,
    'options has no option "bellow": use below',
  );
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
});

Deno.test("Writer.bytesOffered counts what the system may have taken, and not what it has refused", async () => {
  const { step, open } = gate();
  const taken = scriptedConnection([], {}, { writes: [2, step] });
  const { writer } = coreOf(taken.connection);
  void taken.connection.write("abcd");
  assertEquals(writer.bytesOffered, 0);
  await taken.clock.settle();
  void taken.connection.write("more");
  assertEquals([writer.bytesWritten, writer.bytesOffered], [2, 4]);
  open();
  await taken.connection.drained();
  assertEquals([writer.bytesWritten, writer.bytesOffered], [8, 8]);
  taken.connection.abort();
  assertEquals(writer.bytesOffered, 8);

  const cut = scriptedConnection([], {}, { writes: [gate().step] });
  void cut.connection.write("abcd");
  await cut.clock.settle();
  cut.connection.abort();
  assertEquals(coreOf(cut.connection).writer.bytesOffered, 4);

  const refused = scriptedConnection([], {}, { writes: [1, broken()] });
  void refused.connection.write("abcd");
  await refused.clock.advance(1_000);
  assertEquals(coreOf(refused.connection).writer.bytesOffered, 1);
});

for (const canTry of [false, true]) {
  Deno.test(`Connection ends when a write tells a count that cannot be (${canTry ? "tried" : "written"})`, async () => {
    const wrong: [count: unknown, message: string][] = [
      [0, "at least 1 byte; it took 0"],
      [-1, "at least 1 byte; it took -1"],
      [NaN, "at least 1 byte; it took NaN"],
      [1.5, "at least 1 byte; it took 1.5"],
      ["3", 'at least 1 byte; it took "3"'],
      [3n, "at least 1 byte; it took 3n"],
      [4, "at most the 3 given; it took 4"],
    ];
    for (const [given, message] of wrong) {
      const count = given as number;
      const [transport, peer] = connectedTransports({ canTry });
      let calls = 0;
      // It gives up after a while: a test that never ends would tell nothing.
      const take = () => ++calls > 100 ? 3 : count;
      transport.write = () => Promise.resolve(take());
      if (canTry) transport.tryWrite = take;
      const connection = new Connection(transport);
      const error = await assertRejects(() => connection.write("abc"), GenericError, message);
      assertEquals([error.code, calls], ["broken", 1]);
      // What the peer has said may still be read.
      peer.close();
      assertEquals((await connection.closed)?.code, "broken");
    }
  });
}

Deno.test("Connection ends with a transport whose write or closeWrite throws, or gives no promise", async () => {
  const odd: Partial<Record<"write" | "closeWrite", () => unknown>>[] = [
    { write: () => undefined },
    { write: () => 3 },
    { closeWrite: () => undefined },
    {
      closeWrite() {
        throw new Error("not now");
      },
    },
  ];
  for (const part of odd) {
    const [transport, peer] = connectedTransports();
    const connection = new Connection(Object.assign(transport, part as object));
    const offered = part.write ? connection.write("abc") : connection.shutdownWrite();
    assertEquals((await assertRejects(() => offered, GenericError)).code, "broken");
    peer.close();
    assertEquals((await connection.closed)?.code, "broken");
  }
});
