// The waits for datagrams that have not arrived. A wait may end by a timeout, by a signal or because none will
// arrive, and then never takes a datagram with it.

import { BusyClock, LEAST_BUSY_INTERVAL_IN_MILLIS } from "./busy_clock.ts";
import { ignore, ReadTimedOutError, type SocketError } from "../base/errors.ts";
import { young } from "../base/young.ts";
import type { Clock, DatagramAddress } from "../network/network.ts";
import type { Datagram } from "./datagram.ts";
import { LazyTimer } from "../network/lazy_timer.ts";

/** Makes what a taker gets of a datagram and its sender. */
export type Shape<T> = (datagram: Datagram, from: DatagramAddress) => T;

/** One wait for a datagram. */
export class Waiter {
  onAbort: (() => void) | undefined;

  constructor(
    readonly shape: Shape<unknown>,
    readonly resolve: (value: unknown) => void,
    readonly reject: (reason: unknown) => void,
    /** When it times out; NaN while its start is not known. */
    public due: number,
    readonly limits: TakeLimits,
    readonly closedAs: unknown,
  ) {}

  deliver(datagram: Datagram, from: DatagramAddress): void {
    this.#forgetSignal();
    this.resolve(this.shape(datagram, from));
  }

  fail(error: SocketError, isQuiet: boolean): void {
    if (isQuiet && this.closedAs !== undefined) return this.giveUp();
    this.#forgetSignal();
    this.reject(error);
  }

  /** Ends quietly. */
  giveUp(): void {
    this.#forgetSignal();
    this.resolve(this.closedAs);
  }

  #forgetSignal(): void {
    if (this.onAbort === undefined) return;
    this.limits.signal!.removeEventListener("abort", this.onAbort);
  }
}

/** How a wait for a datagram may end without one. */
export interface TakeLimits {
  /** How long to wait; `Infinity` for no limit. */
  readonly timeoutInMillis: number;
  /** Ends the wait with the signal's own reason. Must be present, or it is looked up on Object.prototype. */
  readonly signal: AbortSignal | undefined;
}

/** The waits for the datagrams of one mailbox, the longest first. */
export class DatagramWaiters {
  /** Called when a wait has ended without a datagram, and others may go on. */
  onGivenUp: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #waiters: Waiter[] = [];
  readonly #timer: LazyTimer;
  readonly #busyClock: BusyClock;
  readonly #onDue: () => void;

  /**
   * @param clock The clock for timeouts.
   * @param onDue Called when a wait has timed out, before it is told so: the last moment to deliver a datagram.
   */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#timer = new LazyTimer(clock, {
      look: (now, isSure) => this.#giveUp(now, isSure),
    });
    this.#busyClock = new BusyClock(clock, (due) => this.#timer.by(due));
  }

  /** How many wait. */
  get length(): number {
    return this.#waiters.length;
  }

  /** Waits for a datagram; {@linkcode DatagramMailbox.take} says how. */
  wait<T>(shape: Shape<T>, limits: TakeLimits, closedAs?: T): Promise<T> {
    const { timeoutInMillis, signal } = limits;
    const waiting = new Promise<T>((resolve, refuse) => {
      // One may receive ahead of what one is working on.
      const reject = (reason: unknown) => {
        refuse(reason);
        waiting.catch(ignore);
      };
      const due = this.#dueIn(timeoutInMillis);
      const waiter = new Waiter(
        shape,
        resolve as (value: unknown) => void,
        reject,
        due,
        limits,
        closedAs,
      );
      if (signal !== undefined) {
        waiter.onAbort = young(() => {
          this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
          reject(signal.reason);
          this.onGivenUp?.();
        });
        signal.addEventListener("abort", waiter.onAbort, { once: true });
      }
      this.#waiters.push(waiter);
      // If it is not known yet, a look at the clock is due anyway.
      if (due < Infinity) this.#timer.by(due);
    });
    return waiting;
  }

  /** Takes out the longest wait, if there is one. */
  shift(): Waiter | undefined {
    // Mostly there is one wait. With more, shift() would move all others.
    return this.#waiters.length === 1 ? this.#waiters.pop() : this.#waiters.shift();
  }

  #dueIn(timeoutInMillis: number): number {
    if (timeoutInMillis === Infinity) return Infinity;
    const clock = timeoutInMillis < LEAST_BUSY_INTERVAL_IN_MILLIS ? this.#clock : this.#busyClock;
    return clock.now() + timeoutInMillis;
  }

  /** Ends the waits that have timed out. Returns when the next one will. */
  #giveUp(now: number, isSure: boolean): number {
    let next = this.#busyClock.look(now);
    if (isSure && this.#waiters.some(({ due }) => due <= now)) this.#onDue();
    let kept = 0;
    const over: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (Number.isNaN(waiter.due)) waiter.due = now + waiter.limits.timeoutInMillis;
      if (waiter.due <= now && isSure) {
        over.push(waiter);
      } else {
        this.#waiters[kept++] = waiter;
        next = Math.min(next, waiter.due);
      }
    }
    this.#waiters.length = kept;
    for (const waiter of over) {
      const { timeoutInMillis } = waiter.limits;
      waiter.fail(
        new ReadTimedOutError(`Cannot receive: no datagram came within ${timeoutInMillis} ms`),
        false,
      );
    }
    if (over.length > 0) this.onGivenUp?.();
    return next;
  }

  /** No wait times out from now on. */
  stop(): void {
    this.#timer.stop();
  }

  /** Ends the waits of an iteration that was left, known by its shape. Each gets the result of a quiet end. */
  leave(shape: Shape<unknown>): void {
    let kept = 0;
    for (const waiter of this.#waiters.slice()) {
      if (waiter.shape === shape) waiter.giveUp();
      else this.#waiters[kept++] = waiter;
    }
    this.#waiters.length = kept;
    this.onGivenUp?.();
  }

  /** Ends all waits. */
  fail(error: SocketError, isQuiet: boolean): void {
    for (const waiter of this.#waiters.splice(0)) waiter.fail(error, isQuiet);
  }
}
