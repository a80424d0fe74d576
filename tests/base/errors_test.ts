import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { GenericError, ReadTimedOutError, SocketError } from "../../mod.ts";
import {
  badFrame,
  badMessage,
  brokenError,
  isResourceError,
  reasonOf,
  stackless,
  writeError,
} from "../../src/base/errors.ts";
import { setupError } from "../../src/base/setup_error.ts";
import { handlerError } from "../../src/base/user_code.ts";
import { awkwardErrors, awkwardThings } from "../support/awkward.ts";

Deno.test("GenericError and ReadTimedOutError are SocketErrors with a name, a code and a cause", () => {
  const cause = new Error("why");
  const generic = new GenericError("broken", "Cannot read: why", { cause });
  assertInstanceOf(generic, SocketError);
  assertInstanceOf(generic, Error);
  assertEquals([generic.name, generic.code, generic.cause], ["GenericError", "broken", cause]);
  const timedOut = new ReadTimedOutError("Cannot read: too long");
  assertInstanceOf(timedOut, SocketError);
  assertEquals([timedOut.name, timedOut.code], ["ReadTimedOutError", "timed-out"]);
});

Deno.test("SocketErrors have messages that a terminal can be shown, whoever wrote what they quote", () => {
  const words = "a\x1b[2J\n\x9b\u2028\u202eb";
  assertEquals(new ReadTimedOutError(words).message, "a?[2J????b");
  assertEquals(brokenError("Cannot read", new Error(words)).message, "Cannot read: a?[2J????b");
  const cause = new Error(words);
  const { message, cause: kept } = handlerError("onConnect", cause);
  assertEquals([message, kept], ["onConnect threw: a?[2J????b", cause]);
  assertEquals(handlerError("onConnect", "\x9b").message, 'onConnect threw: "\\u009b"');
  assertEquals(badMessage(words).message, "Cannot encode: a?[2J????b");
});

Deno.test("SocketErrors keep their message and their fields in JSON", () => {
  const inJson = (error: SocketError) => JSON.parse(JSON.stringify({ error })).error;
  const cause = new Error("secret");
  assertEquals(inJson(new GenericError("frame", "Cannot decode: why", { cause })), {
    name: "GenericError",
    code: "frame",
    message: "Cannot decode: why",
  });
  assertEquals(inJson(writeError(new GenericError("broken", "Cannot write"), 2, 5)), {
    name: "GenericError",
    code: "broken",
    message: "Cannot write; of this write the system had taken 2 of 5 bytes",
    bytesTaken: 2,
  });
  const unsure = writeError(new GenericError("broken", "Cannot write"), 2, 5, true);
  const told = "Cannot write; of this write the system had taken at most ";
  assertEquals(inJson(unsure).message, `${told}2 of 5 bytes`);
  assertEquals(inJson(writeError(unsure, 3, 9)).message, `${told}3 of 9 bytes`);
  assertEquals(inJson(new ReadTimedOutError("Cannot read: nothing came")), {
    name: "ReadTimedOutError",
    code: "timed-out",
    message: "Cannot read: nothing came",
  });
});

Deno.test("brokenError() leaves a SocketError as it is", () => {
  const error = new GenericError("limit", "Cannot accept: too many");
  assertStrictEquals(brokenError("Cannot read", error), error);
});

Deno.test("brokenError() and setupError() make an error of whatever a network throws", () => {
  for (const thrown of awkwardThings()) {
    const broken = brokenError("Cannot read", thrown);
    assertEquals([broken.code, broken.cause === thrown], ["broken", true]);
    const setup = setupError("Cannot connect", thrown);
    assertEquals([setup.code, setup.cause === thrown], ["unreachable", true]);
    assertEquals(isResourceError(thrown), false);
  }
  for (const thrown of awkwardErrors()) {
    assertStrictEquals(brokenError("Cannot read", thrown), thrown);
  }
});

Deno.test("brokenError() keeps the runtime's error as its cause", () => {
  const cause = new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)");
  const error = brokenError("Cannot read", cause);
  assertEquals([error.code, error.cause], ["broken", cause]);
  assertEquals(error.message, "Cannot read: Connection reset by peer (os error 104)");
});

Deno.test("reasonOf() has words for whatever was thrown", () => {
  assertEquals(reasonOf(new Error("why")), "why");
  assertEquals(reasonOf(new TypeError()), "TypeError");
  assertEquals(reasonOf("text"), "text");
  assertEquals(reasonOf(undefined), "undefined");
});

Deno.test("isResourceError() knows what others may give back", () => {
  for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]) {
    assertEquals(isResourceError(Object.assign(new Error(), { code })), true, code);
  }
  for (
    const other of [new Error(), undefined, null, Object.assign(new Error(), { code: "EPIPE" })]
  ) {
    assertEquals(isResourceError(other), false);
  }
});

Deno.test("badFrame() quotes nothing that a terminal obeys", () => {
  assertEquals(badFrame("a\x1b[2J\n\x9bü").message, "Cannot decode: a?[2J??ü");
});

Deno.test("badFrame() carries a cause only if there is one", () => {
  const cause = new Error("why");
  assertStrictEquals(badFrame("it is bad", cause).cause, cause);
  const error = badFrame("it is bad");
  assertEquals([error.code, error.message], ["frame", "Cannot decode: it is bad"]);
  assertEquals(Object.hasOwn(error, "cause"), false);
});

Deno.test("stackless() keeps no line of the stack, and changes no other error", () => {
  const error = stackless(() => new GenericError("aborted", "why"));
  assertEquals([error.stack, error.code, error.message], ["GenericError: why", "aborted", "why"]);
  assert(new Error("another").stack!.includes("errors_test.ts"));
  const failing = () => {
    throw new TypeError("no error");
  };
  assertThrows(() => stackless(failing), TypeError, "no error");
  assert(new Error("another").stack!.includes("errors_test.ts"));
});
