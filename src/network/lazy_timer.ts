// One timer for all sockets.
//
// A setTimeout for each read would cost a quarter of a small message's work, and one for each socket half a
// kibibyte. So the hot path only moves a number (when something is due), a socket has one place in a queue,
// and the queue has one timer: when it fires, the socket looks at its numbers. Its place is never moved back
// when a wait ends early; the socket then finds nothing due and says when to ask again.
//
// The timer may fire late because the program was busy: then bytes that were in time still lie in the system's
// buffers. So where something is due, the runtime looks at its sockets first, before a timeout ends anything.

import { MAX_INTERVAL_IN_MILLIS } from "../base/arguments.ts";
import { callQuietly } from "../base/user_code.ts";
import type { Clock, TimerId } from "./network.ts";

/** What looks when something may be due. */
export interface Looker {
  /**
   * Handles what is due, and returns when the next deadline is, `Infinity` for none.
   *
   * @param now The time.
   * @param isSure Whether all that had arrived by then was handed out. Otherwise it ends nothing, and only returns
   * what was due.
   */
  look(now: number, isSure: boolean): number;
}

/**
 * A delay of few different lengths, not longer than the one asked for: the runtime keeps some hundred bytes for each
 * length until that much time has passed. What is not due then is waited for again, in shorter and shorter steps.
 */
function rounded(delayInMillis: number): number {
  let step = 1;
  while (step * LENGTHS_OF_A_DOUBLING * 2 <= delayInMillis) step *= 2;
  return delayInMillis - delayInMillis % step;
}

const LENGTHS_OF_A_DOUBLING = 16;

/** The timers of one clock: a binary heap, the earliest first. */
class TimerQueue {
  readonly #clock: Clock;
  readonly #heap: LazyTimer[] = [];
  #id: TimerId | undefined;
  #firesAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(timer: LazyTimer): void {
    if (timer.place < 0) timer.place = this.#heap.push(timer) - 1;
    this.#rise(timer);
    this.#arm();
  }

  remove(timer: LazyTimer): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (last !== timer) {
      last.place = timer.place;
      heap[last.place] = last;
      this.#rise(last);
      this.#sink(last);
    }
    timer.place = -1;
    if (heap.length > 0 || this.#firesAt === Infinity) return;
    // No timer is left behind when the last socket is gone.
    this.#clear();
    this.#firesAt = Infinity;
  }

  /** A clock of the user's own that fails at that costs a call too many, and nobody else a deadline. */
  #clear(): void {
    callQuietly(() => this.#clock.clearTimeout(this.#id!));
  }

  #arm(): void {
    const due = this.#heap[0]?.due ?? Infinity;
    if (due >= this.#firesAt) return;
    if (this.#firesAt !== Infinity) this.#clear();
    const now = this.#clock.now();
    const delay = Math.ceil(due - now);
    const delayInMillis = rounded(Math.min(Math.max(delay, 0), MAX_INTERVAL_IN_MILLIS));
    this.#firesAt = delayInMillis < delay ? now + delayInMillis : due;
    this.#id = this.#clock.setTimeout(this.#fire, delayInMillis);
    // What is waited for keeps the program alive; the timer, which may be a leftover, does not.
    callQuietly(() => this.#clock.unrefTimer?.(this.#id!));
  }

  readonly #fire = (): void => {
    const now = this.#clock.now();
    // First those of this moment, so that one that is due again at once does not hold up the others.
    const due: LazyTimer[] = [];
    for (
      let first = this.#heap[0];
      first !== undefined && first.due <= now;
      first = this.#heap[0]
    ) {
      due.push(first);
      this.remove(first);
      first.due = Infinity;
    }
    this.#firesAt = Infinity;
    const isSure = this.#clock.looked === undefined;
    const unsure: LazyTimer[] = [];
    for (const timer of due) {
      const next = timer.looker.look(now, isSure);
      timer.isJudged = !isSure && next <= now;
      if (timer.isJudged) unsure.push(timer);
      else timer.by(next);
    }
    this.#arm();
    if (unsure.length > 0) void this.#clock.looked!().then(() => this.#judge(unsure, now));
  };

  /** Judged by the time before the look: bytes for later deadlines may lie in the buffers again. */
  #judge(timers: readonly LazyTimer[], now: number): void {
    for (const timer of timers) {
      if (!timer.isJudged) continue;
      timer.isJudged = false;
      timer.by(timer.looker.look(now, true));
    }
  }

  #rise(timer: LazyTimer): void {
    const heap = this.#heap;
    let place = timer.place;
    while (place > 0) {
      const parent = heap[(place - 1) >> 1]!;
      if (parent.due <= timer.due) break;
      heap[place] = parent;
      parent.place = place;
      place = (place - 1) >> 1;
    }
    heap[place] = timer;
    timer.place = place;
  }

  #sink(timer: LazyTimer): void {
    const heap = this.#heap;
    let place = timer.place;
    for (let child = 2 * place + 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.due < heap[child]!.due) child++;
      if (heap[child]!.due >= timer.due) break;
      heap[place] = heap[child]!;
      heap[place]!.place = place;
      place = child;
    }
    heap[place] = timer;
    timer.place = place;
  }
}

const queues = new WeakMap<Clock, TimerQueue>();

function queueOf(clock: Clock): TimerQueue {
  let queue = queues.get(clock);
  if (queue === undefined) queues.set(clock, queue = new TimerQueue(clock));
  return queue;
}

/** One socket's place in the queue: a timer that serves many deadlines. */
export class LazyTimer {
  /** Who looks. */
  readonly looker: Looker;
  /** When it looks next; only the queue and {@linkcode LazyTimer.by} change it. */
  due = Infinity;
  /** Where it is in the queue, -1 where it is not. */
  place = -1;
  /** Whether something is due, and judged when the runtime has looked. */
  isJudged = false;
  readonly #queue: TimerQueue;

  /** @param clock The time it goes by. @param looker Who looks. */
  constructor(clock: Clock, looker: Looker) {
    this.#queue = queueOf(clock);
    this.looker = looker;
  }

  /** Makes sure that it looks at that time or earlier. */
  by(due: number): void {
    if (due >= this.due) return;
    this.due = due;
    this.#queue.put(this);
  }

  /** Forgets everything. */
  stop(): void {
    this.due = Infinity;
    this.isJudged = false;
    if (this.place >= 0) this.#queue.remove(this);
  }
}
