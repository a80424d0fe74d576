import { assertEquals } from "@std/assert";
import { nextTurn } from "../../src/tls/next_turn.ts";
import { stillHeld } from "../support/collected.ts";
import fc from "fast-check";
import { DropCounts } from "../../src/udp/udp_stats.ts";
import { type Keeper, type Remains, UnreadBudget } from "../../src/udp/unread_budget.ts";

class Box implements Keeper {
  readonly placed = { place: -1 };
  remains: Remains | undefined;
  readonly kept: number[] = [];
  hasEnded = false;
  dropped = 0;

  constructor(readonly budget: UnreadBudget) {}

  get unreadBytes(): number {
    return this.kept.reduce((sum, length) => sum + length, 0);
  }

  put(length: number): boolean {
    if (!this.budget.take(length, this)) return false;
    this.kept.push(length);
    return true;
  }

  shift(): void {
    const length = this.kept.shift();
    if (length === undefined) return;
    if (this.remains !== undefined) this.remains.unreadBytes = this.unreadBytes;
    this.budget.give(length, this.remains ?? this);
  }

  letGo(): void {
    this.dropped++;
    this.shift();
  }
}

function boxes(limit: number, count: number) {
  const budget = new UnreadBudget(limit);
  return { budget, all: Array.from({ length: count }, () => new Box(budget)) };
}

Deno.test("UnreadBudget makes whoever keeps most let go", () => {
  const { budget, all: [heavy, light, other] } = boxes(100, 3);
  for (let i = 0; i < 8; i++) assertEquals(heavy!.put(10), true);
  assertEquals(light!.put(20), true);
  assertEquals(other!.put(10), true);
  assertEquals([heavy!.dropped, light!.dropped, budget.unreadBytes], [1, 0, 100]);
  // The heaviest itself has to wait, and any that would become the heaviest.
  assertEquals([heavy!.put(10), other!.put(90)], [false, false]);
  assertEquals(other!.put(20), true);
  assertEquals([heavy!.kept.length, budget.unreadBytes], [5, 100]);
});

Deno.test("UnreadBudget makes who has ended let go first", () => {
  const { all: [heavy, ended, other] } = boxes(100, 3);
  for (let i = 0; i < 8; i++) heavy!.put(10);
  for (let i = 0; i < 2; i++) ended!.put(10);
  ended!.hasEnded = true;
  assertEquals([other!.put(10), other!.put(10), other!.put(10)], [true, true, true]);
  assertEquals([ended!.dropped, heavy!.dropped], [2, 1]);
});

Deno.test("UnreadBudget does not hold who has ended, and counts what is left then", async () => {
  const budget = new UnreadBudget(100);
  const other = new Box(budget);
  // Not in a frame of this function, which may keep it.
  const refs = (() => {
    const ended = [new Box(budget), new Box(budget)];
    for (const box of ended) {
      for (let i = 0; i < 2; i++) box.put(20);
      box.remains = budget.release(box, 2);
    }
    // One of them lets go, and one is read.
    assertEquals([other.put(30), budget.unreadBytes], [true, 90]);
    ended.find(({ dropped }) => dropped === 0)!.shift();
    assertEquals(ended.map(({ kept }) => kept.length), [1, 1]);
    for (const { remains } of ended) remains!.datagrams = 1;
    return ended.map((box) => new WeakRef(box));
  })();
  assertEquals(budget.unreadBytes, 70);
  assertEquals(await stillHeld(refs), 0);
  for (let turn = 0; turn < 100 && budget.droppedDatagrams < 2; turn++) await nextTurn();
  assertEquals([budget.droppedDatagrams, budget.unreadBytes, other.dropped], [2, 30, 0]);
});

Deno.test("UnreadBudget counts what is left also where nobody has the budget itself any more", async () => {
  const drops = new DropCounts();
  const refs = (() => {
    const budget = new UnreadBudget(100, drops);
    const ended = new Box(budget);
    for (let i = 0; i < 2; i++) ended.put(20);
    ended.remains = budget.release(ended, 2);
    return [new WeakRef(ended)];
  })();
  assertEquals(await stillHeld(refs), 0);
  for (let turn = 0; turn < 100 && drops.byReason["not-taken"] < 2; turn++) await nextTurn();
  assertEquals(drops.byReason["not-taken"], 2);
});

Deno.test("UnreadBudget lets anything be kept where nothing is", () => {
  const { budget, all: [one, other] } = boxes(10, 2);
  assertEquals([one!.put(1_000), one!.put(1)], [true, false]);
  // One that keeps little goes before one that keeps much.
  assertEquals([other!.put(5), one!.kept, budget.unreadBytes], [true, [], 5]);
});

Deno.test("UnreadBudget finds somebody who keeps much among many who keep little", () => {
  const { budget, all } = boxes(10_000, 1_000);
  for (const box of all) for (let i = 0; i < 10; i++) box.put(1);
  const late = new Box(budget);
  for (let i = 0; i < 5; i++) assertEquals(late.put(1), true);
  assertEquals(all.reduce((sum, { dropped }) => sum + dropped, 0), 5);
});

Deno.test("UnreadBudget never counts more than is kept, nor keeps more than the limit", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(9), fc.integer({ min: -1, max: 40 }))),
    (steps) => {
      const { budget, all } = boxes(100, 10);
      for (const [who, length] of steps) {
        if (length < 0) all[who]!.shift();
        else all[who]!.put(length);
        const kept = all.reduce((sum, { unreadBytes }) => sum + unreadBytes, 0);
        assertEquals([budget.unreadBytes, kept <= 100], [kept, true]);
      }
    },
  ));
});

Deno.test("UnreadBudget counts what was dropped", () => {
  const { budget } = boxes(1, 0);
  budget.countDropped(1);
  budget.countDropped(2);
  assertEquals(budget.droppedDatagrams, 3);
});
