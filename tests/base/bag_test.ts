import { assertEquals } from "@std/assert";
import { Bag, type Placed } from "../../src/base/bag.ts";

interface Thing extends Placed {
  readonly name: string;
}

function thing(name: string): Thing {
  return { name, place: -1 };
}

function namesIn(bag: Bag<Thing>): string {
  return [...bag].map(({ name }) => name).sort().join("");
}

Deno.test("Bag keeps what was put in and not taken out, each in its place", () => {
  const bag = new Bag<Thing>((it) => it);
  const [a, b, c, d] = ["a", "b", "c", "d"].map(thing) as [Thing, Thing, Thing, Thing];
  for (const it of [a, b, c, d]) bag.add(it);
  assertEquals([namesIn(bag), bag.size], ["abcd", 4]);
  bag.delete(b);
  bag.delete(d);
  assertEquals([namesIn(bag), bag.size, b.place, d.place], ["ac", 2, -1, -1]);
  assertEquals([a, b, c, d].map((it) => bag.has(it)), [true, false, true, false]);
  bag.add(b);
  bag.delete(a);
  bag.delete(c);
  assertEquals([namesIn(bag), bag.has(thing("b"))], ["b", false]);
  bag.delete(a);
  assertEquals([namesIn(bag), a.place], ["b", -1], "who was not in was taken out");
  bag.delete(b);
  assertEquals([bag.size, [...bag]], [0, []]);
});

Deno.test("Bag is the same as a Set after any number of changes", () => {
  const bag = new Bag<Thing>((it) => it);
  const set = new Set<Thing>();
  const things = Array.from({ length: 40 }, (_, i) => thing(`${i} `));
  for (let i = 0; i < 5_000; i++) {
    const one = things[i * i * 7 % 41 % 40]!;
    if (set.has(one)) {
      set.delete(one);
      bag.delete(one);
    } else {
      set.add(one);
      bag.add(one);
    }
    assertEquals([bag.size, bag.has(one)], [set.size, set.has(one)]);
  }
  assertEquals(namesIn(bag), [...set].map(({ name }) => name).sort().join(""));
});

Deno.test("Bag gives nobody out who has left meanwhile, nor anybody twice", () => {
  const bag = new Bag<Thing>((it) => it);
  const things = ["a", "b", "c", "d"].map(thing);
  for (const it of things) bag.add(it);
  const seen: string[] = [];
  for (const it of bag) {
    seen.push(it.name);
    if (it === things[1]) {
      bag.delete(things[0]!);
      bag.delete(things[2]!);
      bag.add(thing("e"));
    }
  }
  assertEquals(seen, ["a", "b", "d"]);
});
