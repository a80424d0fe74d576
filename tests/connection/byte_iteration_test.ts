import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GenericError, ReadTimedOutError } from "../../mod.ts";
import { end, pause } from "../../testing/mod.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";
import { text } from "../support/text.ts";

Deno.test("ByteIteration gives chunks as they come, then the end, for ever", async () => {
  const { connection } = scriptedConnection(["ab", "c", end()]);
  const iterator = connection[Symbol.asyncIterator]();
  assertEquals(text((await iterator.next()).value), "ab");
  assertEquals(text((await iterator.next()).value), "c");
  for (let i = 0; i < 2; i++) assertEquals(await iterator.next(), { done: true, value: undefined });
  connection.abort();
});

Deno.test("ByteIteration refuses a second step at the same time, and the first one goes on", async () => {
  const { connection, peer } = scriptedConnection();
  const iterator = connection[Symbol.asyncIterator]();
  const first = iterator.next();
  const error = await assertRejects(() => iterator.next(), GenericError);
  assertEquals(error.code, "busy");
  peer.say("a");
  assertEquals(text((await first).value), "a");
  connection.abort();
});

Deno.test("ByteIteration goes on after a step that timed out", async () => {
  const { connection, clock } = scriptedConnection([pause(150), "late", end()], {
    readTimeoutInMillis: 100,
  });
  const iterator = connection[Symbol.asyncIterator]();
  const timedOut = assertRejects(() => iterator.next(), ReadTimedOutError);
  await clock.advance(100);
  await timedOut;
  const next = iterator.next();
  await clock.advance(50);
  assertEquals(text((await next).value), "late");
  connection.abort();
});

Deno.test("ByteIteration ends on close() and throws what else ends the connection", async () => {
  const closed = scriptedConnection();
  const step = closed.connection[Symbol.asyncIterator]().next();
  const closing = closed.connection.close();
  assertEquals(await step, { done: true, value: undefined });
  await closed.clock.advance(5_000);
  await closing;
  const aborted = scriptedConnection();
  const rejected = assertRejects(
    () => aborted.connection[Symbol.asyncIterator]().next(),
    GenericError,
  );
  aborted.connection.abort("why");
  assertStrictEquals((await rejected).cause, "why");
});

Deno.test("ByteIteration that is left leaves the connection open", async () => {
  const { connection } = scriptedConnection(["ab", "cd", end()]);
  for await (const chunk of connection) {
    assertEquals(text(chunk), "ab");
    break;
  }
  assertEquals(text((await connection.read())[0]), "cd");
  connection.abort();
});
