import { assertEquals } from "@std/assert";
import { Iteration, OVER } from "../../src/base/iteration.ts";

class Numbers extends Iteration<number> {
  readonly calls: string[] = [];

  protected step(): Promise<IteratorResult<number, undefined>> {
    this.calls.push("step");
    return Promise.resolve({ done: false, value: this.calls.length });
  }

  protected leave(): void {
    this.calls.push("leave");
  }
}

Deno.test("Iteration takes nothing after return(), and leaves once", async () => {
  const numbers = new Numbers();
  assertEquals(await numbers.next(), { done: false, value: 1 });
  const left = numbers.return();
  assertEquals(await numbers.next(), OVER);
  assertEquals(await left, OVER);
  assertEquals(await numbers.return(), OVER);
  assertEquals(await numbers.next(), OVER);
  assertEquals(numbers.calls, ["step", "leave"]);
});

Deno.test("Iteration that a loop breaks out of is left", async () => {
  const numbers = new Numbers();
  for await (const _ of { [Symbol.asyncIterator]: () => numbers }) break;
  assertEquals(await numbers.next(), OVER);
  assertEquals(numbers.calls, ["step", "leave"]);
});
