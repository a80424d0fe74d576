// Time that passes when a test says so.
//
//   setTimeout  into a heap, by time and then by age
//   step        one timeout: time jumps to it, it is called, and everything it started comes to rest
//   advance     all steps up to a moment
//
// A cleared timeout stays in the heap until its time: clearing must be cheap, because a connection does it all the
// time.

import { shown } from "../src/base/arguments.ts";
import type { Clock, TimerId } from "../src/network/network.ts";
import { microtasksDrained } from "./microtasks.ts";

interface Timer {
  readonly id: number;
  readonly at: number;
  callback: (() => void) | undefined;
}

/**
 * A clock that stands still until it is moved. No call of it waits for real time, so a test of a timeout of
 * five minutes takes microseconds, and comes out the same every time.
 *
 * @example A timeout without waiting for it
 * ```ts
 * import { VirtualClock } from "socket/testing/mod.ts";
 *
 * const clock = new VirtualClock();
 * let rang = false;
 * clock.setTimeout(() => rang = true, 300_000);
 * await clock.advance(299_999);
 * console.assert(!rang);
 * await clock.advance(1);
 * console.assert(rang);
 * ```
 */
export class VirtualClock implements Clock {
  #now = 0;
  #nextId = 1;
  #heap: Timer[] = [];
  readonly #byId: Map<number, Timer> = new Map();

  /** Milliseconds since the clock was made; goes forward only by the methods that say so. */
  now(): number {
    return this.#now;
  }

  /**
   * Calls back once when the clock has advanced by `delayInMillis`.
   *
   * @param callback Called by the method that moves the clock.
   * @param delayInMillis At most 2_147_483_647; less than 0 counts as 0.
   * @returns What {@linkcode VirtualClock.clearTimeout} takes.
   * @throws {TypeError} The callback is no function, or the delay no number.
   * @throws {RangeError} Where the runtime's own timeout would come at once instead: the delay is `NaN` or
   * more than 2_147_483_647.
   */
  setTimeout(callback: () => void, delayInMillis: number): number {
    if (typeof callback !== "function") {
      throw new TypeError(`callback must be a function: got ${shown(callback)}`);
    }
    checkIsNumber("delayInMillis", delayInMillis);
    if (!(delayInMillis <= 2_147_483_647)) {
      throw new RangeError(`Cannot set a timeout of ${delayInMillis} ms: at most 2147483647`);
    }
    const timer: Timer = {
      id: this.#nextId++,
      at: this.#now + Math.max(0, delayInMillis),
      callback,
    };
    this.#byId.set(timer.id, timer);
    this.#push(timer);
    return timer.id;
  }

  /** Forgets a timeout; one that has fired, or never existed, is ignored. */
  clearTimeout(id: TimerId): void {
    const timer = this.#byId.get(id as number);
    if (timer === undefined) return;
    timer.callback = undefined;
    this.#byId.delete(timer.id);
  }

  /** Does nothing: virtual time keeps no program alive. */
  unrefTimer(_id: TimerId): void {}

  /** How many timeouts are set and have not fired. */
  get pending(): number {
    return this.#byId.size;
  }

  /** When the next timeout fires; `undefined` where none is set. */
  get next(): number | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.callback !== undefined) return first?.at;
      this.#pop();
    }
  }

  /**
   * Runs everything that needs no time to pass.
   *
   * @returns When all code waits for time or for the world outside.
   */
  settle(): Promise<void> {
    return microtasksDrained();
  }

  /**
   * Moves to the next timeout, calls it, and lets everything run that it started.
   *
   * @returns `false` where no timeout was set.
   * @throws {unknown} What the callback throws.
   */
  async step(): Promise<boolean> {
    await microtasksDrained();
    if (!this.fire()) return false;
    await microtasksDrained();
    return true;
  }

  /**
   * Moves forward, calling each timeout on the way at its own moment, in order. What one of them starts comes to rest
   * before the next fires.
   *
   * @param byInMillis How far, 0 or more.
   * @throws {TypeError} It is of another type.
   * @throws {RangeError} It is less, or no finite number.
   * @throws {unknown} What a callback throws; the clock then stands where it was called.
   */
  async advance(byInMillis: number): Promise<void> {
    checkIsNumber("byInMillis", byInMillis);
    if (!(byInMillis >= 0 && byInMillis < Infinity)) {
      throw new RangeError(`Cannot advance by ${byInMillis} ms`);
    }
    const until = this.#now + byInMillis;
    await microtasksDrained();
    for (let next = this.next; next !== undefined && next <= until; next = this.next) {
      this.fire();
      await microtasksDrained();
    }
    this.#now = Math.max(this.#now, until);
  }

  /**
   * Moves forward until no timeout is set any more.
   *
   * @param limitInMillis How far at most.
   * @returns How many milliseconds the clock has moved.
   * @throws {TypeError} The limit is of another type.
   * @throws {RangeError} The limit is less than 0 or `NaN`.
   * @throws {Error} A timeout was still set at the limit.
   */
  runUntilIdle(limitInMillis?: number): Promise<number>;
  async runUntilIdle(limitInMillis = 86_400_000): Promise<number> {
    checkIsNumber("limitInMillis", limitInMillis);
    if (!(limitInMillis >= 0)) throw new RangeError(`Cannot run until ${limitInMillis} ms`);
    const start = this.#now;
    await microtasksDrained();
    for (let next = this.next; next !== undefined; next = this.next) {
      if (next > start + limitInMillis) {
        throw new Error(
          `Cannot run until idle: ${this.pending} timeouts are still set after ${limitInMillis} ms`,
        );
      }
      this.fire();
      await microtasksDrained();
    }
    return this.#now - start;
  }

  /**
   * Moves to the next timeout and calls it; what it starts has not run yet.
   *
   * @returns `false` where no timeout was set.
   * @throws {unknown} What the callback throws.
   */
  fire(): boolean {
    if (this.next === undefined) return false;
    const { id, at, callback } = this.#pop()!;
    this.#byId.delete(id);
    this.#now = Math.max(this.#now, at);
    callback!();
    return true;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent]!, timer)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

/** `NaN` is one, and what it cannot be used for is refused there. */
function checkIsNumber(name: string, value: unknown): void {
  if (typeof value === "number") return;
  throw new TypeError(`${name} must be a number: got ${shown(value)}`);
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}
