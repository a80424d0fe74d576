import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { BegunSessions } from "../../src/udp/begun_sessions.ts";
import type { SessionCore } from "../../src/udp/session_core.ts";

const core = () => ({ isUntaken: false }) as SessionCore;

Deno.test("BegunSessions is what an array is from which any may leave", () => {
  const step = fc.oneof(fc.constant("push"), fc.constant("shift"), fc.nat(30));
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const begun = new BegunSessions();
    let model: SessionCore[] = [];
    for (const step of steps) {
      if (step === "push") {
        const added = core();
        begun.push(added);
        model.push(added);
      } else if (step === "shift") {
        assertEquals(begun.shift() === model.shift(), true);
      } else {
        const leaving = model[step as number] ?? core();
        assertEquals(begun.delete(leaving), model.includes(leaving));
        model = model.filter((each) => each !== leaving);
      }
      assertEquals(begun.length, model.length);
      assertEquals([...begun].every((each, i) => each === model[i]), true);
    }
  }));
});

Deno.test("BegunSessions keeps nothing of those that have left", () => {
  const begun = new BegunSessions();
  const cores = Array.from({ length: 1_000 }, core);
  for (const each of cores) begun.push(each);
  for (const each of [...begun]) begun.delete(each);
  assertEquals([begun.length, [...begun], begun.shift()], [0, [], undefined]);
});
