import { assert, assertEquals } from "@std/assert";
import { type MemoryKeeper, SpareMemory } from "../../src/bytes/spare_memory.ts";

/** Has something until it is asked for it twice without a use in between. */
class Keeper implements MemoryKeeper {
  place = -1;
  isQuiet = false;
  hasSome = true;

  giveBack(): boolean {
    if (this.isQuiet) this.hasSome = false;
    this.isQuiet = true;
    return !this.hasSome;
  }
}

function keepers(memory: SpareMemory, count: number): Keeper[] {
  return Array.from({ length: count }, () => {
    const keeper = new Keeper();
    memory.add(keeper);
    return keeper;
  });
}

Deno.test("SpareMemory lets a few keep theirs, however much the others read", () => {
  const memory = new SpareMemory();
  const few = keepers(memory, 64);
  for (let i = 0; i < 100_000; i++) memory.onRead();
  assert(few.every(({ hasSome }) => hasSome));
});

Deno.test("SpareMemory takes from the quiet ones while others read, and never from those who read", () => {
  const memory = new SpareMemory();
  const busy = keepers(memory, 50);
  const quiet: Keeper[] = [];
  while (quiet.length < 100) {
    for (const keeper of busy) keeper.isQuiet = false;
    quiet.push(...keepers(memory, 1));
  }
  for (let i = 0; i < 20_000; i++) {
    busy[i % busy.length]!.isQuiet = false;
    memory.onRead();
  }
  assert(busy.every(({ hasSome }) => hasSome));
  // Where only a few are left, nobody has to give anything back.
  assertEquals(quiet.filter(({ hasSome }) => hasSome).length, 14);
  assertEquals(memory.size, 64);
});

Deno.test("SpareMemory stays small where ever new ones come and do nothing more", () => {
  const memory = new SpareMemory();
  const all = keepers(memory, 10_000);
  assert(memory.size < 200, `${memory.size}`);
  assert(all.at(-1)!.hasSome);
  assertEquals(memory.size, all.filter(({ hasSome }) => hasSome).length);
});

Deno.test("SpareMemory.delete() lets any of them leave, and once more does nothing", () => {
  const memory = new SpareMemory();
  const all = keepers(memory, 50);
  for (const keeper of [all[49]!, all[0]!, all[0]!, all[20]!]) memory.delete(keeper);
  assertEquals(memory.size, 47);
  assertEquals([all[0]!.place, all[20]!.place, all[49]!.place], [-1, -1, -1]);
  for (const keeper of all) memory.delete(keeper);
  assertEquals(memory.size, 0);
});
