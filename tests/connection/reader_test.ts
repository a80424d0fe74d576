import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { Connection, type ReadOptions, ReadTimedOutError, SocketError } from "../../mod.ts";
import { connectedTransports, end, pause, reset, silence } from "../../testing/mod.ts";
import { coreOf } from "../../src/connection/connection.ts";
import {
  arrivingConnection,
  asText,
  isPending,
  readsOf,
  scriptedConnection,
} from "../support/scripted_connection.ts";

Deno.test("Connection.read() gives what is there, and waits for at least one byte", async () => {
  const { connection, peer, clock } = scriptedConnection(["abc"]);
  assertEquals(asText(await connection.read()), ["abc", 3]);
  const next = connection.read();
  assert(await isPending(clock, next));
  peer.say("d");
  assertEquals(asText(await next), ["d", 1]);
  connection.abort();
});

Deno.test("Connection.read(length) gives exactly that many bytes, over any number of arrivals", async () => {
  const { connection } = scriptedConnection(["Hel", "lof", "rom", "client", end()]);
  assertEquals(asText(await connection.read(5)), ["Hello", 5]);
  assertEquals(asText(await connection.read(4)), ["from", 4]);
  assertEquals(asText(await connection.read(6)), ["client", 6]);
  connection.abort();
});

Deno.test("Connection.read() gives what is left at the end, then -1 for ever", async () => {
  const { connection } = scriptedConnection(["abc", end()]);
  assertEquals(asText(await connection.read(5)), ["abc", 3]);
  for (let i = 0; i < 3; i++) {
    assertEquals(await connection.read(), [new Uint8Array(0), -1]);
    assertEquals(await connection.read(7), [new Uint8Array(0), -1]);
  }
  connection.abort();
});

Deno.test("Connection begins no kernel read unless somebody waits, and never a second one", async () => {
  const { connection, peer, clock } = scriptedConnection();
  await clock.settle();
  const reads = () => readsOf(peer);
  assertEquals(reads(), 0);
  for (let i = 0; i < 3; i++) {
    const reading = assertRejects(
      () => connection.read(undefined, { timeoutInMillis: 10 }),
      ReadTimedOutError,
    );
    await clock.advance(10);
    await reading;
  }
  // The kernel read of the first wait is still under way and serves the next ones.
  assertEquals(reads(), 1);
  peer.say("ab", silence());
  await clock.settle();
  // Nobody waits now, so only what has arrived is read.
  assertEquals([reads(), connection.bytesRead], [1, 2]);
  assertEquals(asText(await connection.read(1)), ["a", 1]);
  assertEquals(asText(await connection.read(1)), ["b", 1]);
  assertEquals(reads(), 1);
  connection.abort();
  assertEquals(peer.violations, []);
});

Deno.test("Connection.read() that times out loses nothing: the next one gets the bytes", async () => {
  const { connection, clock } = scriptedConnection(["123456789012345", pause(500), "678"], {
    readTimeoutInMillis: 100,
  });
  const reading = assertRejects(() => connection.read(18), ReadTimedOutError);
  await clock.advance(100);
  const error = await reading;
  assertStringIncludes(error.message, "15 of 18 bytes are there, nothing came for 100 ms");
  const again = connection.read(18, { timeoutInMillis: 1_000 });
  await clock.advance(1_000);
  assertEquals(asText(await again), ["123456789012345678", 18]);
  connection.abort();
});

Deno.test("Connection's read timeout is idle time: every byte restarts it", async () => {
  const { connection, clock } = scriptedConnection([
    "a",
    pause(90),
    "b",
    pause(90),
    "c",
    pause(90),
    "d",
  ], {
    readTimeoutInMillis: 100,
  });
  const reading = connection.read(4);
  await clock.advance(270);
  assertEquals(asText(await reading), ["abcd", 4]);
  connection.abort();
});

Deno.test("Connection.read() by a call's own timeout wins over the connection's", async () => {
  const { connection, clock } = scriptedConnection([], { readTimeoutInMillis: 100 });
  const long = connection.read(undefined, { timeoutInMillis: Infinity });
  await clock.advance(1_000);
  assert(await isPending(clock, long));
  connection.abort();
  await assertRejects(() => long, SocketError);
});

Deno.test("Connection.read() ends with the signal's own reason, and loses nothing", async () => {
  const { connection, peer, clock } = scriptedConnection(["ab"]);
  const controller = new AbortController();
  const reading = connection.read(4, { signal: controller.signal });
  await clock.settle();
  const reason = { my: "reason" };
  controller.abort(reason);
  assertStrictEquals(await reading.catch((error) => error), reason);
  assertStrictEquals(
    await connection.read(4, { signal: controller.signal }).catch((error) => error),
    reason,
  );
  peer.say("cd", silence());
  assertEquals(asText(await connection.read(4)), ["abcd", 4]);
  // An abort after the read is over reaches nobody.
  const late = new AbortController();
  peer.say("e", silence());
  assertEquals(asText(await connection.read(1, { signal: late.signal })), ["e", 1]);
  const next = connection.read(1);
  late.abort();
  peer.say("f");
  assertEquals(asText(await next), ["f", 1]);
  connection.abort();
});

Deno.test("Connection.read() while somebody else waits is refused as busy, and harms nobody", async () => {
  const { connection, peer } = scriptedConnection();
  const first = connection.read(2);
  const error = await assertRejects(() => connection.read(), SocketError);
  assertEquals(error.code, "busy");
  await assertRejects(
    () => connection[Symbol.asyncIterator]().next(),
    SocketError,
    "another reader waits",
  );
  peer.say("ab");
  assertEquals(asText(await first), ["ab", 2]);
  connection.abort();
});

Deno.test("Connection.read() gives the bytes that came before a reset, then the error, with its cause", async () => {
  const { connection, peer } = scriptedConnection(["abc", reset()]);
  const error = await assertRejects(() => connection.read(5), SocketError);
  assertEquals(error.code, "broken");
  assert(error.cause instanceof Deno.errors.ConnectionReset);
  assertEquals(asText(await connection.read()), ["abc", 3]);
  assertStrictEquals(await connection.read().catch((error) => error), error);
  assertStrictEquals(await connection.closed, error);
  assert(peer.isClosed);
});

Deno.test("Connection.read() refuses a wrong length or option at once", async () => {
  const { connection, peer } = scriptedConnection(["abc"]);
  for (const length of [0, -1, 1.5]) {
    await assertRejects(() => connection.read(length), RangeError, `${length}`);
  }
  for (const length of [NaN, "5" as unknown as number, null as unknown as number]) {
    await assertRejects(() => connection.read(length), TypeError, "Requested byte length");
  }
  await assertRejects(
    () => connection.read(1, { timeoutInMillis: 0 }),
    RangeError,
    "timeoutInMillis",
  );
  await assertRejects(
    () => connection.read(1, { signal: 5 as unknown as AbortSignal }),
    TypeError,
    "signal",
  );
  // A number in the place of the options is a forgotten name, not "no options".
  await assertRejects(() => connection.read(1, 300_000 as ReadOptions), TypeError, "options");
  assertEquals(readsOf(peer), 0);
  assertEquals(asText(await connection.read()), ["abc", 3]);
  connection.abort();
});

Deno.test("Connection.shutdownRead() drops what is unread and gives everybody the end", async () => {
  const { connection, peer, clock } = scriptedConnection(["abc"]);
  assertEquals(asText(await connection.read(1)), ["a", 1]);
  const waiting = connection.read(5);
  await clock.settle();
  connection.shutdownRead();
  connection.shutdownRead();
  assertEquals(await waiting, [new Uint8Array(0), -1]);
  peer.say("more");
  assertEquals(await connection.read(), [new Uint8Array(0), -1]);
  for await (const _ of connection) throw new Error("must not come");
  assertEquals(await connection.write("still open"), 10);
  assertEquals(peer.writtenText, "still open");
  connection.abort();
});

Deno.test("Connection gives bytes that are the caller's: transferring their buffer loses nothing", async () => {
  const { connection, peer, clock } = scriptedConnection(["abc"]);
  const [bytes] = await connection.read();
  const next = connection.read();
  await clock.settle();
  // A kernel read is under way now, and must not use this memory.
  peer.handOut(bytes);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  peer.say("def");
  assertEquals(asText(await next), ["def", 3]);
  connection.abort();
  assertEquals(peer.violations, []);
});

Deno.test("Connection.read() loses nothing unread when what it gave is transferred", async () => {
  for (const length of [10, 400, 900, 5_000, 40_000]) {
    const content = new Uint8Array(length).map((_, i) => i % 251);
    const { connection, peer, clock } = scriptedConnection([content.slice()]);
    const received: number[] = [];
    const take = ([bytes]: [Uint8Array<ArrayBuffer>, number]) => {
      received.push(...bytes);
      structuredClone(bytes, { transfer: [bytes.buffer] });
    };
    while (received.length < length) {
      take(await connection.read(Math.min(7, length - received.length)));
      if (received.length > 2 * length / 3) break;
    }
    // Bytes that arrive while nobody waits are unread, too, when those before them are transferred.
    const [kept] = await connection.read(1);
    const waiting = assertRejects(
      () => connection.read(length, { timeoutInMillis: 10 }),
      ReadTimedOutError,
    );
    await clock.advance(10);
    await waiting;
    peer.say("late", silence());
    await clock.settle();
    take([kept, 1]);
    take(await connection.read(length - received.length));
    assertEquals(new Uint8Array(received), content);
    assertEquals(asText(await connection.read()), ["late", 4]);
    connection.abort();
  }
});

Deno.test("Connection.read() gives each byte once and in order, however it is cut, given up and asked for", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 300 })),
        {
          maxLength: 30,
        },
      ),
      fc.array(fc.option(fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 8 }),
      async (arrivals, asks) => {
        const script = arrivals.map((item) => typeof item === "number" ? pause(item) : item);
        const { connection, clock, peer } = scriptedConnection([...script, end()], {
          readTimeoutInMillis: 100,
        });
        const sent = arrivals.flatMap((item) => typeof item === "number" ? [] : [...item]);
        const received: number[] = [];
        const reading = (async () => {
          for (let i = 0;; i++) {
            try {
              const [bytes, length] = await connection.read(asks[i % asks.length] ?? undefined);
              if (length < 0) return;
              received.push(...bytes);
            } catch (error) {
              if (!(error instanceof ReadTimedOutError)) throw error;
            }
          }
        })();
        await clock.advance(20_000);
        await reading;
        assertEquals(received, sent);
        assertEquals(connection.bytesRead, sent.length);
        connection.abort();
        assertEquals(peer.violations, []);
      },
    ),
    { seed: 20_261, numRuns: 150 },
  );
});

Deno.test("Connection.read() asks a transport that can be read without a promise for none", async () => {
  const { connection, peer, clock } = scriptedConnection(["ab"], {}, { canTry: true });
  assertEquals(asText(await connection.read()), ["ab", 2]);
  const next = connection.read();
  await clock.settle();
  // Nothing is tried before something is said to be there.
  assertEquals(peer.calls.slice(1), ["whenReadable", "tryRead 512", "whenReadable"]);
  peer.say("cd", reset());
  assertEquals(asText(await next), ["cd", 2]);
  await assertRejects(() => connection.read(), SocketError, "Connection reset by peer");
  assertEquals(peer.calls.at(-1), "close");
});

Deno.test("Connection.read() waits again where a transport was wrong about what is there", async () => {
  const [here, there] = connectedTransports({ canTry: true });
  let looks = 0;
  const whenReadable = (callback: () => void) => {
    if (++looks < 3) queueMicrotask(callback);
    else here.whenReadable!(callback);
  };
  const connection = new Connection(Object.assign(Object.create(here), {
    whenReadable,
    tryRead: (buffer: Uint8Array) => looks < 3 ? undefined : here.tryRead!(buffer),
    setNoDelay: () => {},
    close: () => here.close(),
  }));
  const reading = connection.read();
  await there.write(new Uint8Array(3));
  assertEquals((await reading)[1], 3);
  assertEquals(looks, 3);
  connection.abort();
});

Deno.test("Connection.read() waits on while more arrives of what cannot be read yet", async () => {
  const config = { readTimeoutInMillis: 100 };
  const { connection, peer, clock, arrive } = arrivingConnection([], config);
  const reading = connection.read();
  for (let length = 1; length < 5; length++) {
    await clock.advance(90);
    arrive(length);
  }
  peer.say("ab", silence());
  assertEquals(asText(await reading), ["ab", 2]);
  const other = assertRejects(() => connection.read(), ReadTimedOutError, "for 100 ms");
  await clock.advance(90);
  arrive(0);
  await clock.advance(99);
  const late = await isPending(clock, other);
  await clock.advance(1);
  await other;
  assertEquals(late, true);
  connection.abort();
});

Deno.test("Reader.begun counts what cannot be read yet, and whenReadable() tells when it can be", async () => {
  const { connection, peer, clock, arrive } = arrivingConnection(["ab"]);
  const { reader } = coreOf(connection);
  let told = 0;
  const reading = connection.read(5);
  await clock.settle();
  arrive(3);
  reader.whenReadable(() => told++);
  await clock.settle();
  assertEquals([reader.begun, reader.bytesRead, reader.bytesArrived, told], [5, 2, 5, 0]);
  arrive(0);
  await clock.settle();
  assertEquals([reader.begun, told], [2, 1]);
  arrive(1);
  reader.whenReadable(() => told++);
  Object.assign(peer.arriving!, { length: 0 });
  peer.say("cde");
  assertEquals([asText(await reading), told], [["abcde", 5], 2]);
  connection.abort();
});
