import { assertEquals } from "@std/assert";
import { linuxTurns } from "../../../src/network/linux/linux_turns.ts";
import { linuxTest } from "../../support/linux_engine.ts";

linuxTest("linuxTurns.read() begins at once, and in another turn after a share", async () => {
  let begun = 0;
  const read = { begin: () => void begun++ };
  assertEquals(linuxTurns.read(read, 0), false);
  assertEquals(begun, 1);
  assertEquals(linuxTurns.read(read, 1024 * 1024), true);
  assertEquals(begun, 1);
  await linuxTurns.looked!();
  assertEquals(begun, 2);
});

linuxTest("linuxTurns.write() begins at the end of the microtasks", async () => {
  const begun: number[] = [];
  linuxTurns.write({ begin: () => void begun.push(1) });
  linuxTurns.write({ begin: () => void begun.push(2) });
  assertEquals(begun, []);
  await undefined;
  assertEquals(begun, [1, 2]);
});

linuxTest("linuxTurns.write() begins as many at once as there are", async () => {
  let begun = 0;
  for (let i = 0; i < 1_000; i++) linuxTurns.write({ begin: () => void begun++ });
  await undefined;
  assertEquals(begun, 1_000);
});

linuxTest(
  "linuxTurns.write() leaves the turn where each write follows the one before",
  async () => {
    await linuxTurns.looked!();
    let [begun, turns] = [0, 0];
    const count = () => void (turns++, next = setImmediate(count));
    let next = setImmediate(count);
    const done = Promise.withResolvers<void>();
    const write = {
      begin() {
        if (++begun === 6_400) done.resolve();
        else queueMicrotask(() => linuxTurns.write(write));
      },
    };
    linuxTurns.write(write);
    await done.promise;
    clearImmediate(next);
    assertEquals(turns >= 99, true, `${turns} turns`);
  },
);

linuxTest("linuxTurns.stepBack() tells whether there was anybody else", async () => {
  assertEquals(await linuxTurns.stepBack!(), true);
  const both = [linuxTurns.stepBack!(), linuxTurns.stepBack!()];
  assertEquals(await Promise.all(both), [false, false]);
});

linuxTest("linuxTurns.stepBack() lets one go on in a turn where each takes long", async () => {
  let [turn, isOver] = [0, false];
  const count = () => void (turn++, next = setImmediate(count));
  let next = setImmediate(count);
  const wentOnIn: number[] = [];
  const work = async () => {
    while (!isOver) {
      await linuxTurns.stepBack!();
      wentOnIn.push(turn);
      const until = performance.now() + 10;
      while (performance.now() < until);
      isOver ||= wentOnIn.length === 60;
    }
  };
  await Promise.all(Array.from({ length: 10 }, work));
  clearImmediate(next);
  // How many may go on is learned in the first turns; the last ones only see that it is over.
  const learned = wentOnIn.slice(30, 60);
  assertEquals(new Set(learned).size, learned.length);
});

linuxTest("linuxTurns.stepBack() lets many go on in a turn where each takes little", async () => {
  let [turn, isOver] = [0, false];
  const count = () => void (turn++, next = setImmediate(count));
  let next = setImmediate(count);
  let [times, most, inTurn, of] = [0, 0, 0, 0];
  const work = async () => {
    while (!isOver) {
      await linuxTurns.stepBack!();
      inTurn = of === turn ? inTurn + 1 : 1;
      of = turn;
      most = Math.max(most, inTurn);
      isOver ||= ++times === 10_000 || most >= 50;
    }
  };
  await Promise.all(Array.from({ length: 100 }, work));
  clearImmediate(next);
  assertEquals(most >= 50, true, `${most} at once`);
});
