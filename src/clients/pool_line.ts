// Those who wait for a connection of a pool: in order, each until its time is over or its signal is aborted.

import { ignore } from "../base/errors.ts";
import { young } from "../base/young.ts";
import { type InLine, Line } from "../listener/line.ts";
import type { Lease } from "./lease.ts";

/** One who waits. */
export class Waiter<Session> implements InLine<Waiter<Session>> {
  before: Waiter<Session> | undefined;
  behind: Waiter<Session> | undefined;
  /** Stops listening to the signal. */
  release: () => void = ignore;

  /** @param number How many have come so far. @param due When it is given up. */
  constructor(
    readonly number: number,
    readonly due: number,
    readonly timeoutInMillis: number,
    readonly resolve: (lease: Lease<Session>) => void,
    readonly reject: (error: unknown) => void,
  ) {}
}

/** Those who wait. */
export class PoolLine<Session> {
  readonly #line = new Line<Waiter<Session>>();
  #comers = 0;

  /** How many wait. */
  get length(): number {
    return this.#line.length;
  }

  /** How many have come so far. */
  get comers(): number {
    return this.#comers;
  }

  /** Somebody comes. @param due When it is given up, after so many milliseconds. */
  join(
    due: number,
    timeoutInMillis: number,
    resolve: (lease: Lease<Session>) => void,
    reject: (error: unknown) => void,
  ): Waiter<Session> {
    const waiter = new Waiter(++this.#comers, due, timeoutInMillis, resolve, reject);
    this.#line.append(waiter);
    return waiter;
  }

  /** Whether somebody still waits. */
  has(waiter: Waiter<Session>): boolean {
    return this.#line.first === waiter || waiter.before !== undefined;
  }

  /** Refuses one when its signal is aborted. */
  listen(waiter: Waiter<Session>, signal: AbortSignal): void {
    const onAbort = () => this.refuse(waiter, signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    waiter.release = young(() => signal.removeEventListener("abort", onAbort));
  }

  /** Takes the first one out. There must be one. */
  take(): Waiter<Session> {
    const waiter = this.#line.first!;
    this.leave(waiter);
    return waiter;
  }

  /** One waits no more. */
  leave(waiter: Waiter<Session>): void {
    this.#line.remove(waiter);
    waiter.release();
  }

  /** One gets no connection. */
  refuse(waiter: Waiter<Session>, error: unknown): void {
    this.leave(waiter);
    waiter.reject(error);
  }

  /** None of them gets a connection. @param comers How many had come by then; later ones go on waiting. */
  refuseAll(error: unknown, comers = Infinity): void {
    for (const waiter of this.#line) {
      if (waiter.number <= comers) this.refuse(waiter, error);
    }
  }

  /** Refuses those whose time is over, if it surely is. Returns when the next one's is. */
  look(now: number, isSure: boolean, errorOf: (waiter: Waiter<Session>) => unknown): number {
    let next = Infinity;
    for (const waiter of this.#line) {
      if (waiter.due <= now && isSure) this.refuse(waiter, errorOf(waiter));
      else next = Math.min(next, waiter.due);
    }
    return next;
  }
}
