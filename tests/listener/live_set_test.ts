import { assertEquals } from "@std/assert";
import { Bag } from "../../src/base/bag.ts";
import { Connection, coreOf } from "../../src/connection/connection.ts";
import { LiveSet } from "../../src/listener/live_set.ts";
import { connectedTransports } from "../../testing/mod.ts";

function play() {
  const bag = new Bag<Connection>(coreOf);
  const [a, b] = connectedTransports().map((transport) => new Connection(transport)) as [
    Connection,
    Connection,
  ];
  bag.add(a);
  bag.add(b);
  return { bag, a, b, set: new LiveSet(bag, (value) => value instanceof Connection) };
}

Deno.test("LiveSet shows the connections as they are at any time", () => {
  const { bag, a, b, set } = play();
  assertEquals([set.size, set.has(a), set.has(b)], [2, true, true]);
  assertEquals([[...set], [...set.keys()], [...set.values()]], [[a, b], [a, b], [a, b]]);
  assertEquals([...set.entries()], [[a, a], [b, b]]);
  bag.delete(a);
  assertEquals([set.size, set.has(a), [...set]], [1, false, [b]]);
  assertEquals(set.has({} as Connection), false);
  for (const connection of [a, b]) connection.abort();
});

Deno.test("LiveSet is shown as a Set is", () => {
  const { a, b, set } = play();
  assertEquals(Deno.inspect(set), Deno.inspect(new Set([a, b])));
  for (const connection of [a, b]) connection.abort();
});

Deno.test("LiveSet.forEach() calls as a Set does", () => {
  const { a, b, set } = play();
  const seen: unknown[] = [];
  set.forEach(function (this: unknown, ...all) {
    seen.push(this, ...all);
  }, "this");
  assertEquals(seen.length, 8);
  assertEquals([seen[1] === a, seen[2] === a, seen[3] === set, seen[5] === b], [
    true,
    true,
    true,
    true,
  ]);
  assertEquals(String(seen[0]), "this");
  for (const connection of [a, b]) connection.abort();
});

Deno.test("LiveSet can be put together with other sets", () => {
  const { a, b, set } = play();
  const other = new Set<Connection | string>([a, "c"]);
  assertEquals(set.union(other), new Set([a, b, "c"]));
  assertEquals(set.intersection(other), new Set([a]));
  assertEquals(set.difference(other), new Set([b]));
  assertEquals(set.symmetricDifference(other), new Set([b, "c"]));
  assertEquals([set.isSubsetOf(other), set.isSubsetOf(new Set([a, b, 1]))], [false, true]);
  assertEquals([set.isSupersetOf(other), set.isSupersetOf(new Set([a]))], [false, true]);
  assertEquals([set.isDisjointFrom(other), set.isDisjointFrom(new Set([1]))], [false, true]);
  assertEquals(new Set([1]).union(set).size, 3);
  for (const connection of [a, b]) connection.abort();
});
