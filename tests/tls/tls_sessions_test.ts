// Whether sessions are resumed, and whose, is tested with OpenSSL: tests/system/peers/sessions_test.ts.

import { assertEquals, assertThrows } from "@std/assert";
import { shelfOf, TlsSessions } from "../../src/tls/tls_sessions.ts";

const session = (byte: number) => Uint8Array.of(byte);

Deno.test("TlsSessions keeps the last session of each key, and counts what they were good for", () => {
  const sessions = new TlsSessions();
  const shelf = shelfOf(sessions);
  assertEquals(shelf.offer("a"), undefined);
  shelf.keep("a", session(1));
  shelf.keep("a", session(2));
  assertEquals([shelf.offer("a"), shelf.offer("b")], [session(2), undefined]);
  shelf.countResumed();
  assertEquals(sessions.stats(), { kept: 1, offered: 1, resumed: 1 });
  shelf.forget("a");
  assertEquals(shelf.offer("a"), undefined);
  shelf.keep("a", session(3));
  sessions.clear();
  assertEquals(sessions.stats(), { kept: 0, offered: 1, resumed: 1 });
});

Deno.test("TlsSessions forgets what was used least recently", () => {
  const sessions = new TlsSessions({ maxSessions: 2 });
  const shelf = shelfOf(sessions);
  shelf.keep("a", session(1));
  shelf.keep("b", session(2));
  shelf.offer("a");
  shelf.keep("c", session(3));
  assertEquals(["a", "b", "c"].map((key) => shelf.offer(key)?.[0]), [1, undefined, 3]);
  for (let i = 0; i < 1_000; i++) shelf.keep(`${i}`, session(i));
  assertEquals(sessions.stats().kept, 2);
});

Deno.test("TlsSessions shows no session", () => {
  const sessions = new TlsSessions();
  shelfOf(sessions).keep("a", session(123));
  assertEquals(Deno.inspect(sessions, { showHidden: true }).includes("123"), false);
});

Deno.test("TlsSessions checks its options", () => {
  assertThrows(() => new TlsSessions({ maxSessions: 0 }), RangeError, "maxSessions must be");
  assertThrows(() => new TlsSessions({ most: 1 } as never), TypeError, "use one of maxSessions");
  assertThrows(() => new TlsSessions(null as never), TypeError, "config must be an object");
});
