import { assertEquals } from "@std/assert";
import { CatchUp, MOST_OF_A_KERNEL } from "../../src/connection/catch_up.ts";

Deno.test("CatchUp is done by a read begun since that empties the system's buffer, and the next one", () => {
  const catchUp = new CatchUp(100);
  // A read that was under way may have brought only what arrived before it.
  catchUp.onRead(110, false);
  assertEquals(catchUp.isDone, false);
  catchUp.onBegin();
  catchUp.onRead(120, true);
  assertEquals(catchUp.isDone, false);
  catchUp.onBegin();
  catchUp.onRead(130, false);
  // The peer's end may lie right behind.
  assertEquals([catchUp.isDone, catchUp.isLate(129), catchUp.isLate(130)], [false, false, true]);
  // It does not. What arrives then is late, whatever it looks like.
  catchUp.onBegin();
  catchUp.onRead(200, true);
  assertEquals([catchUp.isDone, catchUp.isLate(130)], [true, true]);
});

Deno.test("CatchUp is done when the read behind the last bytes still waits after a look", () => {
  const catchUp = new CatchUp(0);
  catchUp.onBegin();
  catchUp.onRead(10, false);
  catchUp.onBegin();
  assertEquals(catchUp.isDone, false);
  catchUp.onLooked(10);
  assertEquals([catchUp.isDone, catchUp.isLate(10)], [true, true]);
});

Deno.test("CatchUp takes a short read for no end where there was much: the peer may have had to wait", () => {
  const catchUp = new CatchUp(0);
  catchUp.onBegin();
  catchUp.onRead(64 * 1024, false);
  assertEquals(catchUp.isDone, false);
  catchUp.onLooked(64 * 1024);
  assertEquals([catchUp.isDone, catchUp.isLate(64 * 1024)], [true, true]);
});

Deno.test("CatchUp is done in any case after what two systems can keep", () => {
  const catchUp = new CatchUp(0);
  catchUp.onBegin();
  catchUp.onRead(2 * MOST_OF_A_KERNEL - 1, true);
  assertEquals(catchUp.isDone, false);
  catchUp.onRead(2 * MOST_OF_A_KERNEL, true);
  assertEquals(catchUp.isDone, true);
});

Deno.test("CatchUp tells which read is under way by how many were begun", () => {
  const catchUp = new CatchUp(0);
  assertEquals(catchUp.begun, 0);
  catchUp.onBegin();
  assertEquals(catchUp.begun, 1);
});
