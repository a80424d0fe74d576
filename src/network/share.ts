// For how long one connection is handed what has arrived before others go first.
//
// It is asked before each thing that is handed out, so it only counts there. The clock is read now and then, and the
// record of the time is made only then: a peer that waits for its answers never gets that far.

import type { Clock } from "./clock.ts";
import type { Turns } from "./turns.ts";

/** Grows each time that no other connection had anything to do: letting others go first costs some 0.2 ms. */
const SMALLEST_IN_MILLIS = 0.5;
const MOST_DOUBLINGS = 4;
/** A connection that gets more in that time is measured by its bytes. */
const BYTES_PER_MILLI_OF_A_STREAM = 256 * 1024;
/** The clock, which costs as much as a small message, is read once for this many things handed out. */
const FEWEST_PER_LOOK = 2;
const MOST_PER_LOOK = 128;
/** Where they took less, the next look comes after twice as many. */
const SHORT_IN_MILLIS = 0.05;

/** A queue of bytes to send that several may share, with a limit of its own. */
export interface LimitedQueue {
  /** How many bytes it has. */
  readonly queuedBytes: number;
  /** How many it should have at most. */
  readonly maxQueuedBytes: number;
  /** As how many bytes content of a length counts. */
  weightOf(length: number): number;
}

/** What a share is measured by, and how others go first. */
export interface ShareHost {
  /** The time that shares go by. */
  readonly clock: Clock;
  /** When kernel reads and writes are begun. */
  readonly turns: Turns;
  /** What its bytes wait in, where that is not its own. */
  readonly queue?: LimitedQueue;
}

/** Finds what the share of an instance of one class is measured by. */
type Finder = (it: object) => ShareHost | undefined;

const finders: Finder[] = [];

/** Makes a class known to rooms that know its instances by their shape only. */
export function knowShareHost(find: Finder): void {
  finders.push(find);
}

/** What the share of an object is measured by, where that is known. */
export function shareHostOf(it: object): ShareHost | undefined {
  for (const find of finders) {
    const host = find(it);
    if (host !== undefined) return host;
  }
  return undefined;
}

/** A stretch in which nothing had to be waited for. */
interface BusyTime {
  since: number;
  /** When the clock was read last, and how many things are handed out until it is read again. */
  lookedAt: number;
  perLook: number;
  /** The bytes of consecutive reads when it began; NaN where no read has asked yet. */
  streamed: number;
}

/** The share of one connection. */
export class Share {
  readonly #host: ShareHost;
  /** How often the smallest share was doubled: a small whole number needs no memory of its own. */
  #doublings = 0;
  #untilLook = FEWEST_PER_LOOK;
  #busy: BusyTime | undefined;
  #isUsedUp = false;

  /** @param host Of what it is a share. */
  constructor(host: ShareHost) {
    this.#host = host;
  }

  /** Whether others should go first. */
  get isUsedUp(): boolean {
    return this.#isUsedUp;
  }

  /** Counts a thing that is handed out. Returns whether others should go first. */
  count(): boolean {
    if (--this.#untilLook === 0) this.#lookAtTime();
    return this.#isUsedUp;
  }

  #lookAtTime(): void {
    this.#untilLook = FEWEST_PER_LOOK;
    const { clock, turns } = this.#host;
    if (turns.stepBack === undefined || this.#isUsedUp) return;
    const now = clock.now();
    if (this.#busy === undefined) return this.#beginBusy(now, NaN);
    const busy = this.#busy;
    const isShort = now - busy.lookedAt < SHORT_IN_MILLIS;
    busy.lookedAt = now;
    busy.perLook = isShort ? Math.min(busy.perLook * 2, MOST_PER_LOOK) : FEWEST_PER_LOOK;
    this.#untilLook = busy.perLook;
    this.#isUsedUp = now - busy.since >= this.#inMillis();
  }

  #beginBusy(since: number, streamed: number): void {
    this.#busy = { since, lookedAt: since, perLook: FEWEST_PER_LOOK, streamed };
  }

  /**
   * Checks before another consecutive read: few bytes may take long to handle. How many bytes is for the turns to
   * judge.
   *
   * @param streamed The bytes of consecutive reads that filled their buffer.
   */
  lookBeforeRead(streamed: number): void {
    const { clock, turns } = this.#host;
    if (turns.stepBack === undefined) return;
    const now = clock.now();
    if (this.#busy === undefined) return this.#beginBusy(now, streamed);
    const inMillis = now - this.#busy.since;
    if (inMillis < this.#inMillis()) return;
    // Where it is not known how many there were, they are counted from here.
    if (streamed - this.#busy.streamed < inMillis * BYTES_PER_MILLI_OF_A_STREAM) {
      this.#isUsedUp = true;
    } else {
      this.#busy.since = now;
      this.#busy.streamed = streamed;
    }
  }

  #inMillis(): number {
    return SMALLEST_IN_MILLIS * (1 << this.#doublings);
  }

  /** Lets the others go first. Resolves when they have. */
  async stepBack(): Promise<void> {
    const wasAlone = await this.#host.turns.stepBack?.();
    this.#doublings = wasAlone === true ? Math.min(this.#doublings + 1, MOST_DOUBLINGS) : 0;
    this.begin();
  }

  /** The others had their turn, or nothing is left to hand out: a new share begins. */
  begin(): void {
    this.#untilLook = FEWEST_PER_LOOK;
    if (this.#busy === undefined) return;
    this.#busy = undefined;
    this.#isUsedUp = false;
  }
}
