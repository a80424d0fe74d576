import { assertEquals } from "@std/assert";
import { TurnShare } from "../../src/network/turn_share.ts";

/** A share of eight, whose time and turns the test moves. */
function share() {
  const state = { now: 0, turns: 0, waiting: undefined as (() => void) | undefined };
  const it = new TurnShare(
    8,
    { now: () => state.now, nextTurn: (callback) => state.waiting = callback },
    () => state.turns++,
  );
  const next = () => {
    const { waiting } = state;
    state.waiting = undefined;
    waiting!();
  };
  return { state, it, next };
}

Deno.test("TurnShare waits for the next turn after half of what one may have", () => {
  const { state, it, next } = share();
  it.count(3);
  assertEquals([it.room, state.waiting], [5, undefined]);
  it.count(1);
  assertEquals([it.room, state.waiting === undefined], [4, false]);
  it.count(4);
  assertEquals(it.room, 0);
  next();
  assertEquals([it.room, state.turns], [8, 1]);
});

Deno.test("TurnShare has no more after a quarter of a millisecond of one turn", () => {
  const { state, it, next } = share();
  it.count(1);
  state.now = 0.3;
  // Turns may have passed since: that is found out first.
  assertEquals(it.room, 7);
  it.count(1);
  assertEquals([it.room, state.waiting === undefined], [6, false]);
  state.now = 0.6;
  assertEquals(it.room, 0);
  next();
  assertEquals([it.room, state.turns], [8, 1]);
});
