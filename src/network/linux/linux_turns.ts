// Turns on this engine. The system tells of everything that is ready, in one look and in its order, so nobody starves
// for want of being told. What is left to do is to share: a stream that never has to wait would keep the program from
// the next look, and so would a loop that awaits its writes.

import type { Clock } from "../clock.ts";
import { BatchSize } from "../batch_size.ts";
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

/** Those that have let others go first, the one whose turn comes next in front. */
const steppedBack: ((wasAlone: boolean) => void)[] = [];
/**
 * How many of them go on in a turn: the work of each may take long, and timers, signals and other sockets wait until
 * all that go on in a turn have done theirs.
 */
const batch = new BatchSize(256, 1);
/** How many went on in the last turn, and since when. */
let wentOn = 0;
let goingOnSince = 0;

const goOn = (): void => {
  const now = denoNetwork.clock.now();
  batch.learn(wentOn, now - goingOnSince);
  goingOnSince = now;
  wentOn = Math.min(batch.size, steppedBack.length);
  const loop = eventLoop();
  const wasAlone = steppedBack.length === 1 && loop.eventsOfTurn === 0;
  for (const resolve of steppedBack.splice(0, wentOn)) resolve(wasAlone);
  if (steppedBack.length > 0) loop.afterTurn(goOn);
};

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
  stepBack: () =>
    new Promise((resolve) => {
      if (steppedBack.push(resolve) === 1) eventLoop().afterTurn(goOn);
    }),
};

function looked(): Promise<void> {
  return madeLoop()?.looked() ?? Promise.resolve();
}
