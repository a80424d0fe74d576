import { assertEquals, assertThrows } from "@std/assert";
import {
  attempt,
  believed,
  EAGAIN,
  EBADF,
  ECONNRESET,
  EINPROGRESS,
  EINTR,
  EMFILE,
  ENOENT,
  errnoLook,
  must,
  systemError,
} from "../../../src/network/linux/errno.ts";
import { isResourceError } from "../../../src/base/errors.ts";
import { lying } from "../../support/lying_errno.ts";

/** Plays results of a call, and what errno says after each failure. */
function played(results: readonly number[], hints: readonly number[]) {
  const left = [...results];
  const said = [...hints];
  using _look = lying(() => said.shift()!);
  const result = attempt(() => left.shift()!);
  return { result, left: left.length, said: said.length };
}

Deno.test("attempt() takes a result as it is, without a look at errno", () => {
  assertEquals(played([7, 1], [EBADF]), { result: 7, left: 1, said: 1 });
});

Deno.test("attempt() takes an expected failure at its word", () => {
  for (const hint of [EAGAIN, EINPROGRESS]) {
    assertEquals(played([-1, 1], [hint]), { result: -hint, left: 1, said: 0 });
  }
});

Deno.test("attempt() repeats an interrupted call", () => {
  assertEquals(played([-1, -1, 5], [EINTR, EINTR]), { result: 5, left: 0, said: 0 });
});

Deno.test("attempt() believes any other failure when the repeated call says the same", () => {
  assertEquals(played([-1, -1, 1], [EBADF, EBADF]), { result: -EBADF, left: 1, said: 0 });
  assertEquals(played([-1, -1, -1, 1], [ENOENT, EBADF, EBADF]), {
    result: -EBADF,
    left: 1,
    said: 0,
  });
  assertEquals(played([-1, 5], [ENOENT]), { result: 5, left: 0, said: 0 });
  assertEquals(played([-1, -1, 5], [ENOENT, EAGAIN]), { result: -EAGAIN, left: 1, said: 0 });
});

Deno.test("attempt() ends where nothing can be believed", () => {
  let calls = 0;
  using _look = lying(() => 1000 + calls);
  assertEquals(attempt(() => -++calls) < 0, true);
  assertEquals(calls, 101);
});

Deno.test("believed() does not take an expected failure that cannot be true", () => {
  const said = [EAGAIN, ECONNRESET, ECONNRESET];
  using _look = lying(() => said.shift()!);
  assertEquals(believed(() => -1, false), -ECONNRESET);
});

Deno.test("systemError() has the class, code and words of Deno's own, and the call", () => {
  const error = systemError(ECONNRESET, "recv");
  assertEquals(error instanceof Deno.errors.ConnectionReset, true);
  assertEquals(error.message, "Connection reset by peer (os error 104)");
  const { code, errno, syscall } = error as Error & Record<string, unknown>;
  assertEquals([code, errno, syscall], ["ECONNRESET", ECONNRESET, "recv"]);
  assertEquals(isResourceError(systemError(EMFILE, "accept4")), true);
  assertEquals(systemError(999, "x").message, "Unknown error (os error 999)");
});

Deno.test("must() throws the error of the call", () => {
  using _look = lying(() => ENOENT);
  assertThrows(() => must("bind", () => -1), Deno.errors.NotFound, "os error 2");
  assertEquals(must("bind", () => 0), 0);
});

Deno.test("errnoLook is put back after a test", () => {
  const { look } = errnoLook;
  {
    using _look = lying(() => 1);
    assertEquals(errnoLook.look(), 1);
  }
  assertEquals(errnoLook.look, look);
});
