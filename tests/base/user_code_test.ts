import { assert, assertEquals, fail } from "@std/assert";
import { GenericError, isError, isSocketError, reasonOf } from "../../src/base/errors.ts";
import {
  attempt,
  callQuietly,
  handlerError,
  noteShortage,
  printThrown,
  tell,
  wordsOf,
} from "../../src/base/user_code.ts";
import { awkwardThings } from "../support/awkward.ts";
import { printedDuring } from "../support/printed_during.ts";

Deno.test("tell() calls in a turn of its own", async () => {
  const order: string[] = [];
  tell(() => order.push("told"));
  order.push("told of");
  await Promise.resolve();
  assertEquals(order, ["told of", "told"]);
  tell(undefined);
});

Deno.test("tell() prints once whatever a callback throws, now or later, and ends nothing", async () => {
  for (const thrown of awkwardThings()) {
    const fates: (() => unknown)[] = [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
      () => ({
        get then() {
          throw thrown;
        },
      }),
      () => ({ then: (_: unknown, reject: (reason: unknown) => void) => reject(thrown) }),
    ];
    for (const fate of fates) {
      const printed = await printedDuring(async () => {
        tell(fate);
        for (let i = 0; i < 10; i++) await Promise.resolve();
      });
      assertEquals(printed.length, 1);
    }
  }
});

Deno.test("tell() does not wait for what never settles", async () => {
  let calls = 0;
  const never = () => {
    calls++;
    return new Promise<void>(() => {});
  };
  tell(never);
  tell(never);
  await Promise.resolve();
  assertEquals(calls, 2);
});

Deno.test("what is thrown can be looked at and put into words, whatever it is", () => {
  for (const thrown of awkwardThings()) {
    assertEquals(typeof isError(thrown), "boolean");
    assertEquals(isSocketError(thrown), false);
    assertEquals(typeof reasonOf(thrown), "string");
    assertEquals(typeof wordsOf(thrown), "string");
    const error = handlerError("A method", thrown);
    assertEquals(error.code, "handler");
    assert(error.message.startsWith("A method threw: "), error.message);
  }
  assertEquals(wordsOf(new Error("a reason")), "a reason");
  assertEquals(wordsOf("a text"), '"a text"');
  assert(isSocketError(new GenericError("closed", "gone")));
});

Deno.test("attempt() rejects with what a callback throws at once", async () => {
  assertEquals(await attempt(() => 5), 5);
  assertEquals(await attempt(() => Promise.resolve(6)), 6);
  const thrown = new Error("at once");
  assertEquals(
    await attempt(() => {
      throw thrown;
    }).catch((error: unknown) => error),
    thrown,
  );
});

Deno.test("printThrown() reads no stack of what failed for want of descriptors", async () => {
  const cause = Object.assign(new Error("Too many open files"), { code: "EMFILE" });
  const thrown = new GenericError("limit", "Cannot connect", { cause });
  for (const one of [cause, thrown]) {
    Object.defineProperty(one, "stack", { get: () => fail("read") });
  }
  const printed = await printedDuring(() => [cause, thrown].forEach(printThrown));
  assertEquals(printed, ["Error: Too many open files", "GenericError: Cannot connect"]);
});

Deno.test("printThrown() reads no stack while a listener gets no descriptor", async () => {
  const thrown = new Error("boom");
  noteShortage(true);
  const printed = await printedDuring(() => printThrown(thrown));
  noteShortage(false);
  assertEquals(printed, ["Error: boom"]);
  assertEquals(await printedDuring(() => printThrown(thrown)), [thrown]);
});

Deno.test("printThrown() survives a console that cannot print", async () => {
  const before = console.error;
  console.error = () => {
    throw new Error("no console");
  };
  try {
    printThrown("something");
  } finally {
    console.error = before;
  }
  await Promise.resolve();
});

Deno.test("what is thrown may be a promise that rejects, and ends nothing", async () => {
  const refused = () => Promise.reject(new Error("nobody waits for it"));
  const thenable = {
    then: (_: unknown, reject: (reason: unknown) => void) => reject(new Error("nor for this")),
  };
  const printed = await printedDuring(async () => {
    for (const thrown of [refused(), thenable, () => {}]) {
      assertEquals(handlerError("A method", thrown).cause, thrown);
    }
    printThrown(refused());
    // An unhandled rejection would end the test within a turn.
    await new Promise((resolve) => setImmediate(resolve));
  });
  assertEquals(printed.length, 1);
});

Deno.test("callQuietly() calls at once, and drops what is thrown or rejected", async () => {
  let calls = 0;
  for (const error of [new Error("any"), undefined]) {
    callQuietly(() => {
      calls++;
      throw error;
    });
    callQuietly(() => Promise.reject((calls++, error)));
  }
  assertEquals(calls, 4);
  // A rejection that nobody handles would fail this test.
  await new Promise((resolve) => setTimeout(resolve, 0));
});
