// How the library says what went wrong.

import { assertEquals, assertRejects } from "@std/assert";
import { SocketError, type SocketErrorCode } from "../../src/base/errors.ts";

/** Checks that a promise rejects with an error of that code, and gives the error. */
export async function assertCode(
  code: SocketErrorCode,
  promise: Promise<unknown>,
): Promise<SocketError> {
  const error = await assertRejects(() => promise, SocketError);
  assertEquals(error.code, code, error.message);
  return error;
}
