// Turns on this engine. The system tells of everything that is ready, in one look and in its order, so nobody starves
// for want of being told. What is left to do is to share: a stream that never has to wait would keep the program from
// the next look, and so would a loop that awaits its writes.

import type { Clock } from "../clock.ts";
import { denoNetwork } from "../deno/deno_network.ts";
import { TurnShare } from "../turn_share.ts";
import type { Turn, Turns } from "../turns.ts";
import { eventLoop, madeLoop } from "./loop.ts";

/** What a stream gets before the others. */
const SHARE_IN_BYTES = 1024 * 1024;

/**
 * How many bursts of writes a turn has at most. Writes for many connections, which come together, are one burst; a loop
 * that awaits its writes makes one of each.
 */
const BURSTS_PER_TURN = 64;

let writes: Turn[] = [];

const beginWrites = (): void => {
  // Else they begin in the next turn.
  if (share.room === 0) return;
  share.count(1);
  const begun = writes;
  writes = [];
  for (const write of begun) write.begin();
};

const share = new TurnShare(
  BURSTS_PER_TURN,
  { now: denoNetwork.clock.now, nextTurn: (callback) => eventLoop().afterTurn(callback) },
  () => {
    if (writes.length > 0) beginWrites();
  },
);

/** How many streams step back, and how many events their turn has brought. */
let steppedBack = 0;

/** Deno's, but whoever asks what has arrived asks this engine's loop. */
export const linuxClock: Clock = { ...denoNetwork.clock, looked };

/** Turns of sockets that this engine's loop tells of. */
export const linuxTurns: Turns = {
  clock: linuxClock,
  read: (read, streamed) => {
    const hasHadItsShare = streamed >= SHARE_IN_BYTES;
    if (hasHadItsShare) eventLoop().afterTurn(() => read.begin());
    else read.begin();
    return hasHadItsShare;
  },
  write: (write) => {
    if (writes.push(write) === 1) queueMicrotask(beginWrites);
  },
  next: (callback) => denoNetwork.turns!.next!(callback),
  looked,
  stepBack: () => {
    steppedBack++;
    return new Promise((resolve) => {
      const loop = eventLoop();
      loop.afterTurn(() => {
        const wasAlone = steppedBack === 1 && loop.eventsOfTurn === 0;
        steppedBack--;
        resolve(wasAlone);
      });
    });
  },
};

function looked(): Promise<void> {
  return madeLoop()?.looked() ?? Promise.resolve();
}
