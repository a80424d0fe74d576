import { assert, assertEquals } from "@std/assert";
import { inServiceOrder } from "../../src/network/service_order.ts";
import { Random } from "../../testing/mod.ts";

const record = (host: string, priority: number, weight: number) => ({
  host,
  priority,
  weight,
  port: 1,
});

Deno.test("inServiceOrder() goes by priority first", () => {
  const records = [record("c", 20, 9), record("a", 0, 0), record("b", 10, 0)];
  assertEquals(inServiceOrder(records).map(({ host }) => host), ["a", "b", "c"]);
  assertEquals(inServiceOrder([]), []);
});

Deno.test("inServiceOrder() goes by weight where the priority is the same", () => {
  const records = [record("three", 1, 3), record("none", 1, 0), record("one", 1, 1)];
  const random = new Random(1);
  const first: Record<string, number> = { three: 0, one: 0, none: 0 };
  const rounds = 10_000;
  for (let i = 0; i < rounds; i++) {
    const order = inServiceOrder(records, () => random.next());
    assertEquals(order.length, 3);
    first[order[0]!.host]!++;
  }
  // A mark from 0 to 4: 0 is for the one without weight, 1 for the one with 1, the rest for the one with 3.
  for (const [host, share] of [["none", 0.2], ["one", 0.2], ["three", 0.6]] as const) {
    assert(Math.abs(first[host]! / rounds - share) < 0.03, JSON.stringify(first));
  }
});

Deno.test("inServiceOrder() takes 32 at most, of however many", () => {
  const records = Array.from({ length: 5_000 }, (_, i) => record(`${i}`, i % 3, 65_535));
  const order = inServiceOrder(records, () => 0.999999);
  assertEquals([order.length, order.every(({ priority }) => priority === 0)], [32, true]);
});
