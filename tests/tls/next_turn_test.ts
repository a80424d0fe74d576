import { assertEquals } from "@std/assert";
import { nextTick } from "node:process";
import { nextTurn } from "../../src/tls/next_turn.ts";

Deno.test("nextTurn() comes after everything that is due now", async () => {
  const order: string[] = [];
  nextTick(() => nextTick(() => order.push("ticks")));
  queueMicrotask(() => queueMicrotask(() => order.push("microtasks")));
  await nextTurn();
  assertEquals(order.sort(), ["microtasks", "ticks"]);
});
