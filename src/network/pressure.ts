// What is made of a queue whose bytes the system does not take: whether one who tries to queue more is told no, and
// the waits of those who go at the peer's pace.
//
// Facts: a write that the system takes is over within microtasks. One that is not may still be no refusal: the
// runtime completes so many operations in a turn, and the rest wait. So bytes count as refused when the system was
// offered bytes and has taken none, while the runtime looked at its sockets (src/network/turns.ts). What a program
// queues in one turn, before the system was asked, makes no peer slow. A system that takes everything never makes
// anybody wait for longer than microtasks, so a loop that queues and waits has to let others go first.
//
// It is made for a queue that somebody asks, and costs those nothing that nobody asks.

import { GenericError, ignore, type SocketError } from "../base/errors.ts";
import type { Clock } from "./clock.ts";
import { waitFor } from "./deadline.ts";
import type { DrainedLimits } from "./drained.ts";
import { Share } from "./share.ts";
import { look, type Turns } from "./turns.ts";

/** A queue of bytes on their way to the system. */
export interface PressedQueue {
  /** How many bytes it has. */
  readonly queuedBytes: number;
  /** Whether the system has been offered bytes and has not said that it took them. */
  readonly isOffered: boolean;
}

/** A queue of so many bytes may hold one write for each of these: a write takes memory, too, however small it is. */
export const BYTES_PER_WRITE = 64;

/** What may be queued before the system is known to refuse: a loop that tries until it is told no has to end. */
const MOST_BEFORE_A_REFUSAL = 16 * 1024 * 1024;

/** Somebody who waits until the queue is short. */
interface Wait {
  readonly below: number;
  /** On whose behalf, where several share the queue. */
  readonly owner: object;
  readonly resolve: () => void;
  readonly reject: (error: SocketError) => void;
}

/** What presses on one queue. */
export class Pressure {
  readonly #queue: PressedQueue;
  readonly #turns: Turns;
  readonly #waits = new Set<Wait>();
  /** Of those who wait. */
  #share: Share | undefined;
  /** Whether one was told no for the sake of others, however short this queue is. */
  mustPause = false;
  /** How many bytes at its front the system is known to have refused. */
  #refused = 0;
  #isLooking = false;
  /** Whether the system has taken bytes since the look began. */
  #hasTaken = false;

  /** @param queue What is asked about. @param turns Who lets the runtime look. */
  constructor(queue: PressedQueue, turns: Turns) {
    this.#queue = queue;
    this.#turns = turns;
  }

  /**
   * Whether one who tries to queue more than the limit allows is told no.
   *
   * @param length How many bytes more.
   * @param writes How many writes there are.
   * @param limit How many bytes may be refused, with those.
   * @param mostWrites How many writes may, likewise.
   */
  refuses(length: number, writes: number, limit: number, mostWrites: number): boolean {
    const refused = this.#refused;
    if (refused > 0 && (refused + length > limit || writes >= mostWrites)) return true;
    this.#lookOnce();
    const most = Math.max(limit, MOST_BEFORE_A_REFUSAL);
    return this.#queue.queuedBytes - refused + length > most || writes >= most / BYTES_PER_WRITE;
  }

  #lookOnce(): void {
    const queue = this.#queue;
    if (this.#isLooking || !queue.isOffered) return;
    this.#isLooking = true;
    this.#hasTaken = false;
    const { queuedBytes } = queue;
    void look(this.#turns).then(() => {
      this.#isLooking = false;
      if (!this.#hasTaken && queue.isOffered) this.#refused = queuedBytes;
    });
  }

  /** Lets the system take what others have queued, where that is what one who tried waits for. */
  pause(): Promise<void> | undefined {
    if (!this.mustPause) return undefined;
    this.mustPause = false;
    return look(this.#turns);
  }

  /**
   * Waits until the queue is short.
   *
   * @param clock The time it goes by.
   * @param limits How short, and how to give up.
   * @param owner On whose behalf.
   */
  wait(clock: Clock, limits: DrainedLimits, owner: object): Promise<void> {
    const { below, timeoutInMillis } = limits;
    const timeoutError = () =>
      new GenericError(
        "timed-out",
        `Cannot wait for the queue to drain: ${this.#queue.queuedBytes} bytes are queued after ` +
          `${timeoutInMillis} ms, not less than ${below}`,
      );
    const waiting = waitFor(
      { clock, ...limits, timeoutError },
      (signal) =>
        new Promise<void>((resolve, reject) => {
          const wait = { below, owner, resolve, reject };
          this.#waits.add(wait);
          signal.addEventListener("abort", () => this.#waits.delete(wait), { once: true });
        }),
      ignore,
    ).then(() => limits.hasOwnShare === true ? undefined : this.#letOthersGoFirst(clock));
    // It may be left alone, as a write may: what ended it is told elsewhere.
    waiting.catch(ignore);
    return waiting;
  }

  #letOthersGoFirst(clock: Clock): Promise<void> | undefined {
    const share = this.#share ??= new Share({ clock, turns: this.#turns });
    share.lookBeforeRead(0);
    return share.isUsedUp ? share.stepBack() : undefined;
  }

  /** The system has taken bytes, or they were dropped; they are off the queue. */
  onTaken(count: number): void {
    this.#hasTaken = true;
    this.#refused = Math.max(0, this.#refused - count);
    if (this.#waits.size === 0) return;
    const { queuedBytes } = this.#queue;
    for (const wait of this.#waits) {
      if (queuedBytes >= wait.below) continue;
      this.#waits.delete(wait);
      wait.resolve();
    }
  }

  /** Ends waits: all of them, or those of one owner. */
  fail(error: SocketError, owner?: object): void {
    for (const wait of this.#waits) {
      if (owner !== undefined && wait.owner !== owner) continue;
      this.#waits.delete(wait);
      wait.reject(error);
    }
  }
}
