import { assertEquals } from "@std/assert";
import { DATAGRAMS_PER_TURN, DatagramShare } from "../../src/udp/datagram_share.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { hostOf, WorkClock } from "../support/share_host.ts";

const held = Promise.withResolvers<void>();
const turns = { ...plainTurns, stepBack: () => held.promise.then(() => false) };

/** How many are handed out before others have their turn. */
function handedOut(share: DatagramShare): number {
  let count = 0;
  while (!share.isUsedUp(2) && count < 1_000) count++;
  return count;
}

Deno.test("DatagramShare is used up after so many in a row, and begins anew with an empty queue", () => {
  const share = new DatagramShare(hostOf(turns));
  for (let i = 0; i < DATAGRAMS_PER_TURN; i++) assertEquals(share.isUsedUp(1), false);
  assertEquals(share.isUsedUp(0), false);
  assertEquals([handedOut(share), handedOut(share)], [DATAGRAMS_PER_TURN, 0]);
});

Deno.test("DatagramShare begins anew when the others have had their turn", async () => {
  const share = new DatagramShare(hostOf(turns));
  handedOut(share);
  const steppedBack = share.stepBack();
  assertEquals(share.isSteppingBack, true);
  held.resolve();
  await steppedBack;
  assertEquals([share.isSteppingBack, handedOut(share)], [false, DATAGRAMS_PER_TURN]);
});

Deno.test("DatagramShare is never used up where everybody gets a turn anyway", async () => {
  const share = new DatagramShare(hostOf(plainTurns));
  assertEquals(handedOut(share), 1_000);
  await share.stepBack();
});

Deno.test("DatagramShare is used up sooner where datagrams take long", async () => {
  const clock = new WorkClock();
  const share = new DatagramShare(hostOf(turns, clock));
  const handedOutSlowly = () => {
    let count = 0;
    for (; !share.isUsedUp(2); count++) clock.work(2);
    return count;
  };
  held.resolve();
  const shares: number[] = [];
  for (let i = 0; i < 3; i++) {
    shares.push(handedOutSlowly());
    await share.stepBack();
  }
  assertEquals(shares, [DATAGRAMS_PER_TURN, 4, 5]);
});
