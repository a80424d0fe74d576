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
  assertEquals(await Promise.all(both), [false, true]);
});
