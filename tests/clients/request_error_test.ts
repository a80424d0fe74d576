import { assertEquals, assertStringIncludes } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { lostError, requestError } from "../../src/clients/request_error.ts";

Deno.test("RequestError says whether the server may have handled the request", () => {
  const cause = new Error("why");
  const error = requestError("timed-out", "no answer", true, cause);
  assertEquals([error.name, error.code, error.hasLeft, error.cause], [
    "RequestError",
    "timed-out",
    true,
    cause,
  ]);
  assertEquals(error.message, "Request failed: no answer; it had left, and may have been handled");
  const other = requestError("overflow", "too many", false);
  assertEquals([other.hasLeft, "cause" in other], [false, false]);
  assertStringIncludes(other.message, "none of it had left");
});

Deno.test("lostError() keeps the code of what has ended the connection", () => {
  const broken = new GenericError("broken", "reset");
  const lost = lostError(broken, true);
  assertEquals([lost.code, lost.cause], ["broken", broken]);
  for (const reason of ["text", undefined, new Error("x")]) {
    assertEquals(lostError(reason, false).code, "aborted");
  }
});
