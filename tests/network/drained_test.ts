import { assertEquals, assertThrows } from "@std/assert";
import { checkDrained } from "../../src/network/drained.ts";

Deno.test("checkDrained() fills in the defaults, and refuses what is wrong or unknown", () => {
  assertEquals(checkDrained(undefined), { below: 1, signal: undefined, timeoutInMillis: Infinity });
  const { signal } = new AbortController();
  assertEquals(checkDrained({ below: 5, signal, timeoutInMillis: 7 }), {
    below: 5,
    signal,
    timeoutInMillis: 7,
  });
  assertThrows(() => checkDrained({ below: 0 }), RangeError, "below must be an integer 1 or more");
  assertThrows(() => checkDrained({ timeoutInMillis: 0 }), RangeError, "timeoutInMillis must be");
  assertThrows(() => checkDrained({ signal: {} as never }), TypeError, "signal must be");
  assertThrows(() => checkDrained({ bellow: 1 } as never), TypeError, "use below");
  assertThrows(() => checkDrained(1 as never), TypeError, "options must be an object");
});

Deno.test("checkDrained() throws the reason of a signal that is aborted already", () => {
  const reason = new Error("too late");
  const signal = AbortSignal.abort(reason);
  assertThrows(() => checkDrained({ signal }), Error, "too late");
});
