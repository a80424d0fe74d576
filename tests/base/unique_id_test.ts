import { assertEquals } from "@std/assert";
import { uniqueId } from "../../src/base/unique_id.ts";

Deno.test("uniqueId() gives no number twice", () => {
  const ids = Array.from({ length: 1_000 }, uniqueId);
  assertEquals(new Set(ids).size, 1_000);
});
