import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readReady, Ready } from "../../src/clients/ready.ts";
import type { Client } from "../../mod.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { assertCode } from "../support/assert_code.ts";

const REASON = new Error("no more");
const client = {} as Client;
const none = () => undefined;

Deno.test("readReady() says what is wrong, and throws the reason of its signal", () => {
  assertEquals(readReady({}), { signal: undefined, timeoutInMillis: Infinity });
  assertThrows(() => readReady({ timeoutInMilli: 1 } as never), TypeError, "timeoutInMilli");
  assertThrows(() => readReady({ timeoutInMillis: 0 }), RangeError, "timeoutInMillis");
  assertThrows(() => readReady({ signal: 1 as never }), TypeError, "signal");
  const signal = AbortSignal.abort(REASON);
  assertEquals(assertThrows(() => readReady({ signal }), Error), REASON);
});

Deno.test("Ready gives all the same connection, and the next one to those who come later", async () => {
  const ready = new Ready(new VirtualClock());
  const waits = [1, 2].map(() => ready.wait(readReady({}), none));
  ready.resolve(client);
  for (const wait of waits) assert(await wait === client);
  const next = {} as Client;
  const later = ready.wait(readReady({}), none);
  ready.resolve(next);
  assert(await later === next);
});

Deno.test("Ready ends a wait with its time, with why, and with its signal; others go on", async () => {
  const clock = new VirtualClock();
  const ready = new Ready(clock);
  const controller = new AbortController();
  const patient = ready.wait(readReady({}), none);
  const inTime = ready.wait(readReady({ timeoutInMillis: 10 }), () => REASON);
  const blind = ready.wait(readReady({ timeoutInMillis: 10 }), none);
  const given = ready.wait(readReady({ signal: controller.signal }), none);
  const all = Promise.all([
    assertCode("timed-out", inTime),
    assertCode("timed-out", blind),
    assertRejects(() => given, Error, REASON.message),
  ]);
  await clock.advance(10);
  controller.abort(REASON);
  const [told, unknown] = await all;
  assertEquals([told.message, told.cause], [
    "No connection within 10 ms; the last failure: no more",
    REASON,
  ]);
  assertEquals([unknown.message, "cause" in unknown], ["No connection within 10 ms", false]);
  ready.resolve(client);
  assertEquals([await patient === client, clock.pending], [true, 0]);
});

Deno.test("Ready.reject() ends all waits, also those that nobody handles yet", async () => {
  const clock = new VirtualClock();
  const ready = new Ready(clock);
  const wait = ready.wait(readReady({ timeoutInMillis: 10 }), none);
  ready.reject(REASON);
  assertEquals([await assertRejects(() => wait, Error), clock.pending], [REASON, 0]);
});
