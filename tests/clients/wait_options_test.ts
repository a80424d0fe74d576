import { assertEquals, assertThrows } from "@std/assert";
import { readWaitOptions } from "../../src/clients/wait_options.ts";

Deno.test("readWaitOptions() says what is wrong, and gives what is right", () => {
  assertThrows(
    () => readWaitOptions({ timeoutInMilli: 1 } as never),
    TypeError,
    "use timeoutInMillis",
  );
  assertThrows(() => readWaitOptions({ timeoutInMillis: 0 }), RangeError, "timeoutInMillis");
  assertThrows(() => readWaitOptions({ signal: 1 } as never), TypeError, "signal must be");
  const reason = new Error("enough");
  const aborted = assertThrows(() => readWaitOptions({ signal: AbortSignal.abort(reason) }), Error);
  assertEquals(aborted, reason);
  const { signal } = new AbortController();
  assertEquals(readWaitOptions({ signal, timeoutInMillis: 5 }), { signal, timeoutInMillis: 5 });
  assertEquals(readWaitOptions({}), {});
});
