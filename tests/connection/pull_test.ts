import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ReadTimedOutError, SocketError } from "../../src/base/errors.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { MORE, pull, type ReadOptions } from "../../src/connection/pull.ts";
import { end, pause, reset } from "../../testing/mod.ts";
import { asText, scriptedConnection } from "../support/scripted_connection.ts";

/** Takes two bytes at a time, or what is left. */
function pairs(connection: ReturnType<typeof scriptedConnection>["connection"]) {
  const { reader } = coreOf(connection);
  const tries: number[] = [];
  const next = (options?: ReadOptions) =>
    pull(reader, 100, options, 0, () => {
      tries.push(reader.queue.length);
      return reader.queue.length >= 2 || reader.hasEnded ? reader.take(2) : MORE;
    });
  return { next, tries };
}

Deno.test("pull() tries at once, and again whenever more has come", async () => {
  const { connection } = scriptedConnection(["a", "bcd", "e", end()]);
  const { next, tries } = pairs(connection);
  assertEquals(asText(await next()), ["ab", 2]);
  assertEquals(tries, [0, 1, 4]);
  assertEquals(asText(await next()), ["cd", 2]);
  assertEquals(asText(await next()), ["e", 1]);
  assertEquals(tries, [0, 1, 4, 2, 0, 1, 1]);
  assertEquals(asText(await next()), ["", -1]);
  connection.abort();
});

Deno.test("pull() that is given up by time or by a signal leaves what has come", async () => {
  const { connection, clock, peer } = scriptedConnection(["a"]);
  const { next } = pairs(connection);
  const timedOut = assertRejects(() => next(), ReadTimedOutError);
  await clock.advance(100);
  await timedOut;

  const controller = new AbortController();
  const reason = new Error("enough");
  const aborted = assertRejects(() => next({ signal: controller.signal }), Error);
  await clock.settle();
  controller.abort(reason);
  assertStrictEquals(await aborted, reason);
  assertStrictEquals(await assertRejects(() => next({ signal: controller.signal }), Error), reason);

  peer.say("b");
  assertEquals(asText(await next()), ["ab", 2]);
  connection.abort();
});

Deno.test("pull() goes by the timeout of the call, which every byte restarts", async () => {
  const { connection, clock } = scriptedConnection([pause(150), "a", pause(150), "b"]);
  const { next } = pairs(connection);
  const pair = next({ timeoutInMillis: 200 });
  await clock.advance(150);
  await clock.advance(150);
  assertEquals(asText(await pair), ["ab", 2]);
  connection.abort();
});

Deno.test("pull() rejects with what an attempt throws, and waits no more", async () => {
  const { connection } = scriptedConnection(["a", "b"]);
  const { reader } = coreOf(connection);
  const reason = new Error("no");
  const { signal } = new AbortController();
  const failing = () => {
    if (reader.queue.length === 2) throw reason;
    return MORE;
  };
  const error = await assertRejects(() => pull(reader, 100, { signal }, 1, failing), Error);
  assertStrictEquals(error, reason);
  assertEquals(reader.isWaiting, false);
  connection.abort();
});

Deno.test("pull() fails with what ended the connection, after what could still be taken", async () => {
  const { connection } = scriptedConnection(["abc", reset()]);
  const { next } = pairs(connection);
  assertEquals(asText(await next()), ["ab", 2]);
  for (let i = 0; i < 2; i++) {
    assertEquals((await assertRejects(() => next(), SocketError)).code, "broken");
  }
  assertEquals(asText(await connection.read()), ["c", 1]);
});

Deno.test("pull() is refused as busy while somebody else waits, and refuses wrong options", async () => {
  const { connection, peer } = scriptedConnection();
  const { next } = pairs(connection);
  const waiting = next();
  assertEquals((await assertRejects(() => next(), SocketError)).code, "busy");
  peer.say("ab");
  assertEquals(asText(await waiting), ["ab", 2]);
  await assertRejects(() => next({ timeoutInMillis: 0 }), RangeError, "timeoutInMillis");
  const misspelled = { timeout: 3 } as ReadOptions;
  await assertRejects(() => next(misspelled), TypeError, 'options has no option "timeout"');
  await assertRejects(() => next({ signal: {} as AbortSignal }), TypeError, "signal");
  connection.abort();
});
