import { assertEquals } from "@std/assert";
import { PoolLine } from "../../src/clients/pool_line.ts";
import type { Lease } from "../../src/clients/lease.ts";

/** Joins under a name, and notes what it is refused with. */
function lineOf(...dues: number[]) {
  const line = new PoolLine<undefined>();
  const refused: string[] = [];
  const join = (due: number) => {
    const name = `${line.comers + 1}`;
    return line.join(due, due, () => {}, (error) => refused.push(`${name} ${error}`));
  };
  return { line, refused, join, waiters: dues.map(join) };
}

Deno.test("PoolLine gives those who wait in order, wherever others have left", () => {
  const { line, waiters, join } = lineOf(1, 1, 1, 1);
  line.leave(waiters[1]!);
  assertEquals([line.length, waiters.map((one) => line.has(one))], [3, [true, false, true, true]]);
  assertEquals([line.take(), line.take()], [waiters[0], waiters[2]]);
  const late = join(1);
  assertEquals([line.take(), line.take(), line.length, line.comers], [waiters[3], late, 0, 5]);
  assertEquals(line.has(late), false);
});

Deno.test("PoolLine.look() refuses those whose time is over, when that is sure, and names the next", () => {
  const { line, refused } = lineOf(30, 10, Infinity, 20);
  assertEquals([line.look(20, false, () => "over"), refused], [10, []]);
  assertEquals(line.look(20, true, ({ due }) => `after ${due}`), 30);
  assertEquals([refused, line.length], [["2 after 10", "4 after 20"], 2]);
  assertEquals(line.look(30, true, () => "over"), Infinity);
});

Deno.test("PoolLine.refuseAll() leaves those who came later", () => {
  const { line, refused, waiters } = lineOf(1, 1, 1);
  line.refuseAll("none", 2);
  assertEquals([refused, line.take() === waiters[2]], [["1 none", "2 none"], true]);
  const others = lineOf(1, 1);
  others.line.refuseAll("none");
  assertEquals([others.refused.length, others.line.length], [2, 0]);
});

Deno.test("PoolLine.listen() refuses with the reason of a signal, and lets go of it afterwards", () => {
  const { line, refused, waiters } = lineOf(1, 1);
  const controllers = waiters.map(() => new AbortController());
  for (const [i, waiter] of waiters.entries()) line.listen(waiter, controllers[i]!.signal);
  controllers[1]!.abort("enough");
  assertEquals([refused, line.length], [["2 enough"], 1]);
  line.take().resolve({} as Lease<undefined>);
  controllers[0]!.abort("too late");
  assertEquals([refused.length, line.length], [1, 0]);
});
