import { assertEquals } from "@std/assert";
import { join, type Leavable, part } from "../../src/framing/membership.ts";
import { microtasksDrained } from "../../testing/mod.ts";
import { stillHeld } from "../support/collected.ts";

function groupOf(left: string[], name: string): Leavable {
  return { leave: () => void left.push(name) };
}

Deno.test("join() has whoever ends leave all that they are in, and asks for their end once", async () => {
  const left: string[] = [];
  const key = {};
  const end = Promise.withResolvers<void>();
  let asked = 0;
  const endOf = () => {
    asked++;
    return end.promise;
  };
  const [one, two] = [groupOf(left, "one"), groupOf(left, "two")];
  for (let i = 0; i < 100; i++) {
    join(key, one, endOf);
    join(key, two, endOf);
    part(key, one);
  }
  join(key, groupOf(left, "three"), endOf);
  part({}, one);
  assertEquals(asked, 1);
  end.reject(new Error("whatever ends it"));
  await microtasksDrained();
  assertEquals(left, ["two", "three"]);
});

Deno.test("join() keeps no group that its program has dropped", async () => {
  const left: string[] = [];
  const key = {};
  const end = Promise.withResolvers<void>();
  const kept = groupOf(left, "kept");
  join(key, kept, () => end.promise);
  const dropped = () =>
    Array.from({ length: 100 }, () => {
      const group = groupOf(left, "dropped");
      join(key, group, () => end.promise);
      return new WeakRef(group);
    });
  assertEquals(await stillHeld(dropped()), 0);
  end.resolve();
  await microtasksDrained();
  assertEquals(left, ["kept"]);
});
