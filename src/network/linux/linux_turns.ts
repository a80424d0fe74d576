// Turns on this engine. The system tells of everything that is ready, in one look and in its order, so nobody starves
// for want of being told. What is left to do is to share: a stream that never has to wait would keep the program from
// the next look, and so would a loop that awaits its writes.

import type { Clock } from "../clock.ts";
import { denoNetwork } from "../deno/deno_network.ts";
import type { Turn, Turns } from "../turns.ts";
import { eventLoop, madeLoop } from "./loop.ts";

/** What a stream gets before the others. */
const SHARE_IN_BYTES = 1024 * 1024;

/**
 * How many bursts of writes a turn has at most. Writes for many connections, which come together, are one burst; a loop
 * that awaits its writes makes one of each.
 */
const BURSTS_PER_TURN = 64;
/** After this many, a turn is asked for, so that it can be known when a new one begins. */
const BURSTS_WORTH_A_TURN = BURSTS_PER_TURN / 2;

let writes: Turn[] = [];
/** How many bursts were begun since the last turn that was asked for. */
let bursts = 0;

const beginWrites = (): void => {
  // They begin in the next turn, which is on its way.
  if (bursts === BURSTS_PER_TURN) return;
  if (++bursts === BURSTS_WORTH_A_TURN) eventLoop().afterTurn(onTurnOfWrites);
  const begun = writes;
  writes = [];
  for (const write of begun) write.begin();
};

const onTurnOfWrites = (): void => {
  bursts = 0;
  if (writes.length > 0) beginWrites();
};

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
