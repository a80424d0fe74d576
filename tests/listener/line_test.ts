import { assertEquals } from "@std/assert";
import { type InLine, Line } from "../../src/listener/line.ts";
import { Random } from "../../testing/random.ts";

class Thing implements InLine<Thing> {
  before: Thing | undefined;
  behind: Thing | undefined;
  constructor(readonly name: number) {}
}

Deno.test("Line keeps the order in which things came, whoever leaves", () => {
  const random = new Random(1);
  const line = new Line<Thing>();
  const known: Thing[] = [];
  for (let i = 0; i < 2_000; i++) {
    if (known.length === 0 || random.chance(0.55)) {
      const thing = new Thing(i);
      if (random.chance(0.2)) {
        known.unshift(thing);
        line.prepend(thing);
      } else {
        known.push(thing);
        line.append(thing);
      }
    } else {
      const [gone] = known.splice(Math.floor(random.next() * known.length), 1);
      line.remove(gone!);
      assertEquals([gone!.before, gone!.behind], [undefined, undefined]);
    }
    assertEquals([line.length, line.first], [known.length, known[0]]);
    if (i % 100 === 0) assertEquals([...line], known);
  }
});

Deno.test("Line may be walked through while it changes", () => {
  const line = new Line<Thing>();
  for (let i = 0; i < 5; i++) line.append(new Thing(i));
  const seen: number[] = [];
  for (const thing of line) {
    seen.push(thing.name);
    line.remove(thing);
  }
  assertEquals([seen, line.length, line.first], [[0, 1, 2, 3, 4], 0, undefined]);
});
