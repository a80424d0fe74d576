import { assertEquals, assertThrows } from "@std/assert";
import {
  checkRead,
  checkWritten,
  isCount,
  readCountError,
  writeCountError,
} from "../../src/network/counts.ts";

Deno.test("isCount() knows what can have been moved of so many bytes", () => {
  assertEquals([1, 2, 3].map((count) => isCount(count, 3)), [true, true, true]);
  const wrong: unknown[] = [0, -1, NaN, 4, Infinity, 1.5, "1", 1n, true, undefined, {}];
  assertEquals(wrong.filter((count) => isCount(count as number, 3)), []);
});

Deno.test("checkRead() and checkWritten() give the count, or say what is wrong with it", () => {
  assertEquals([checkRead(null, 3), checkRead(3, 3), checkWritten(1, 3)], [null, 3, 1]);
  assertThrows(() => checkRead(4, 3), TypeError, "gives at most the 3 asked for; it gave 4");
  assertThrows(() => checkRead(undefined as never, 3), TypeError, "it gave undefined");
  assertThrows(() => checkRead(Symbol("odd") as never, 3), TypeError, "it gave Symbol(odd)");
  assertThrows(() => checkWritten(4, 3), TypeError, "takes at most the 3 given; it took 4");
  assertThrows(() => checkWritten(null as never, 3), TypeError, "it took null");
});

Deno.test("readCountError() and writeCountError() hear a promise that comes in the place of a count", async () => {
  const late = () => Promise.reject(new Error("late"));
  const why = "must not be async: it has to be done when it returns";
  assertEquals(readCountError(late(), 3).message, `a transport's tryRead ${why}`);
  assertEquals(writeCountError(late(), 3).message, `a transport's tryWrite ${why}`);
  // A rejection that nobody handles would fail this test.
  await new Promise((resolve) => setTimeout(resolve, 0));
});
