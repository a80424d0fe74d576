import { assertStrictEquals } from "@std/assert";
import { young } from "../../src/base/young.ts";

Deno.test("young() gives back what it gets", () => {
  const literal = () => {};
  assertStrictEquals(young(literal), literal);
});
