import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Fifo } from "../../src/udp/fifo.ts";

Deno.test("Fifo is what an array is", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant("push" as const) },
    { weight: 3, arbitrary: fc.constant("shift" as const) },
    fc.constantFrom("pop" as const, "many" as const),
    { weight: 1, arbitrary: fc.constant("clear" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const step of steps) {
        if (step === "push") {
          fifo.push(++next);
          model.push(next);
        } else if (step === "many") {
          // So many that the others move up.
          for (let i = 0; i < 3_000; i++) {
            fifo.push(++next);
            model.push(next);
          }
          for (let i = 0; i < 2_000; i++) assertEquals(fifo.shift(), model.shift());
        } else if (step === "clear") {
          assertEquals(fifo.clear(), model.splice(0));
        } else {
          assertEquals(fifo[step](), model[step]());
        }
        assertEquals(fifo.length, model.length);
      }
      assertEquals(fifo.all(), model);
    }),
    { seed: 7, numRuns: 50 },
  );
});
