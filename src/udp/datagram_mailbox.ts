// Datagrams that came and that nobody has taken yet, and those who wait for one.
//
// First come, first served on both sides. A wait may end by time, by a signal or because the socket is
// closed, and never takes a datagram with it. What waits here has a limit in bytes, and so may what waits in many
// of them together; what is over it is dropped and counted, the newest or the oldest.
//
// Whoever takes one after the other of what is there steps back after so many, and waits as for one that has not
// come yet: only then do some wait here though something is there.

import { BusyClock, LEAST_BUSY_INTERVAL_IN_MILLIS } from "./busy_clock.ts";
import { ReadTimedOutError, type SocketError } from "../base/errors.ts";
import type { Clock, DatagramAddress } from "../network/network.ts";
import type { Datagram } from "./datagram.ts";
import { DatagramShare } from "./datagram_share.ts";
import { LazyTimer } from "../network/lazy_timer.ts";
import { HandOut } from "../bytes/hand_out.ts";
import { plainTurns, type Turns } from "../network/turns.ts";
import type { Keeper, UnreadBudget } from "./unread_budget.ts";

/** What a datagram is counted as besides its bytes: about what holding it costs. */
export const DATAGRAM_OVERHEAD = 256;

/** Which datagram is dropped when there is no room: the one that comes, or the one that waits longest. */
export type DropPolicy = "newest" | "oldest";

/** Somebody who waits for a datagram. */
class Waiter {
  onAbort: (() => void) | undefined;

  constructor(
    readonly shape: (datagram: Datagram) => unknown,
    readonly resolve: (value: unknown) => void,
    readonly reject: (reason: unknown) => void,
    /** When it is over; not a number as long as it is not known when it began. */
    public due: number,
    readonly limits: TakeLimits,
    readonly closedAs: unknown,
  ) {}

  deliver(datagram: Datagram): void {
    this.#forgetSignal();
    this.resolve(this.shape(datagram));
  }

  fail(error: SocketError, isQuiet: boolean): void {
    this.#forgetSignal();
    if (isQuiet && this.closedAs !== undefined) this.resolve(this.closedAs);
    else this.reject(error);
  }

  #forgetSignal(): void {
    if (this.onAbort === undefined) return;
    this.limits.signal!.removeEventListener("abort", this.onAbort);
  }
}

/** How a wait for a datagram may end without one. */
export interface TakeLimits {
  /** How long to wait, `Infinity` for as long as it takes. */
  readonly timeoutInMillis: number;
  /** Ends the wait with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A bounded queue of datagrams with waiting receivers. */
export class DatagramMailbox implements Keeper {
  readonly placed = { place: -1 };
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #drop: DropPolicy;
  readonly #budget: UnreadBudget | undefined;
  #queue: Datagram[] = [];
  #first = 0;
  #bytes = 0;
  #droppedDatagrams = 0;
  readonly #waiters: Waiter[] = [];
  readonly #timer: LazyTimer;
  readonly #busyClock: BusyClock;
  readonly #handOut: HandOut;
  readonly #share: DatagramShare;
  #ended: SocketError | undefined;
  #isQuiet = false;

  /**
   * @param clock The time that waits go by.
   * @param limit How many bytes may wait. One datagram always may.
   * @param drop Which one is dropped when there is no room.
   * @param handOut Makes the copies for those who wait.
   * @param budget What it keeps within, together with others.
   * @param turns How others get their turn while much is taken.
   */
  constructor(
    clock: Clock,
    limit: number,
    drop: DropPolicy,
    handOut: HandOut = new HandOut(),
    budget?: UnreadBudget,
    turns: Turns = plainTurns,
  ) {
    this.#share = new DatagramShare(turns);
    this.#budget = budget;
    this.#handOut = handOut;
    this.#clock = clock;
    this.#limit = limit;
    this.#drop = drop;
    this.#timer = new LazyTimer(clock, {
      look: (now, isSure) => this.#giveUp(now, isSure),
    });
    this.#busyClock = new BusyClock(clock, (due) => this.#timer.by(due));
  }

  /** How many datagrams were dropped. */
  get droppedDatagrams(): number {
    return this.#droppedDatagrams;
  }

  /** How many datagrams wait to be taken. */
  get length(): number {
    return this.#queue.length - this.#first;
  }

  /** How many bytes wait to be taken, each datagram counted with what holding it costs. */
  get unreadBytes(): number {
    return this.#bytes;
  }

  /** Whether nothing is taken any more. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether somebody waits for a datagram that has not come. */
  get isWaitedFor(): boolean {
    return this.#waiters.length > this.length;
  }

  /** Hands a copy of a datagram to who waits longest, or keeps one, or drops something. */
  put(bytes: Uint8Array, from: DatagramAddress): void {
    if (this.#ended !== undefined) return this.countDropped();
    const waiter = this.length > 0 ? undefined : this.#nextWaiter();
    if (waiter !== undefined) {
      return waiter.deliver({
        remoteHost: from.hostname,
        remotePort: from.port,
        data: this.#handOut.copy(bytes),
      });
    }
    const weight = bytes.length + DATAGRAM_OVERHEAD;
    while (!this.#hasRoom(weight)) {
      if (this.#drop === "newest" || this.length === 0) return this.countDropped();
      this.letGo();
    }
    this.#bytes += weight;
    // Not out of the slab: others of it are in the hands of users, who may transfer its buffer.
    const data = new Uint8Array(bytes);
    this.#queue.push({ remoteHost: from.hostname, remotePort: from.port, data });
  }

  #nextWaiter(): Waiter | undefined {
    // Mostly there is one, and shift() moves all others.
    return this.#waiters.length === 1 ? this.#waiters.pop() : this.#waiters.shift();
  }

  /** The datagrams that wait to be taken. */
  get waiting(): readonly Datagram[] {
    return this.#queue.slice(this.#first);
  }

  #hasRoom(weight: number): boolean {
    if (this.#bytes + weight > this.#limit && this.length > 0) return false;
    return this.#budget === undefined || this.#budget.take(weight, this);
  }

  /** Drops, and counts, the datagram that has to go first. */
  letGo(): void {
    if (this.length === 0) return;
    this.countDropped();
    if (this.#drop === "oldest") this.#shift();
    else this.#release(this.#queue.pop()!);
  }

  /** Counts datagrams that were dropped, also before they got here. */
  countDropped(count = 1): void {
    this.#droppedDatagrams += count;
    this.#budget?.countDropped(count);
  }

  /** Takes the first datagram if there is one. */
  shift(): Datagram | undefined {
    return this.length > 0 ? this.#shift() : undefined;
  }

  #shift(): Datagram {
    const datagram = this.#queue[this.#first++]!;
    if (this.#first === this.#queue.length) {
      this.#queue.length = 0;
      this.#first = 0;
    } else if (this.#first >= 1024 && this.#first * 2 >= this.#queue.length) {
      this.#queue.splice(0, this.#first);
      this.#first = 0;
    }
    this.#release(datagram);
    return datagram;
  }

  /** It waits here no longer. */
  #release({ data }: Datagram): void {
    // Nobody else has had it yet, so that it is as long as it was.
    const weight = data.length + DATAGRAM_OVERHEAD;
    this.#bytes -= weight;
    this.#budget?.give(weight, this);
  }

  /**
   * Takes the first datagram, waiting for one.
   *
   * @param shape Makes what is given of it.
   * @param limits How the wait may end without one; nothing is lost then.
   * @param closedAs What is given at a quiet end, instead of throwing.
   * @throws {SocketError} What {@linkcode DatagramMailbox.finish} was told.
   */
  take<T>(shape: (datagram: Datagram) => T, limits: TakeLimits, closedAs?: T): Promise<T> {
    const { timeoutInMillis, signal } = limits;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const mustWait = this.#share.isUsedUp(this.length) || this.#waiters.length > 0;
    if (this.length > 0) {
      if (!mustWait) return Promise.resolve(shape(this.#shift()));
      this.#stepBack();
    } else if (this.#ended !== undefined) {
      return this.#isQuiet && closedAs !== undefined
        ? Promise.resolve(closedAs)
        : Promise.reject(this.#ended);
    }
    return new Promise<T>((resolve, reject) => {
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
        waiter.onAbort = () => {
          this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
          reject(signal.reason);
        };
        signal.addEventListener("abort", waiter.onAbort, { once: true });
      }
      this.#waiters.push(waiter);
      // Where it is not known yet, a look is due anyway.
      if (due < Infinity) this.#timer.by(due);
    });
  }

  #stepBack(): void {
    if (this.#share.isSteppingBack) return;
    void this.#share.stepBack().then(() => {
      while (this.#waiters.length > 0 && this.length > 0) {
        if (this.#share.isUsedUp(this.length)) return this.#stepBack();
        this.#nextWaiter()!.deliver(this.#shift());
      }
      if (this.#ended !== undefined) this.#failAll(this.#ended);
    });
  }

  /** Hands what is there to those who wait, though the others have not had their turn. */
  #handOutNow(): void {
    while (this.#waiters.length > 0 && this.length > 0) this.#nextWaiter()!.deliver(this.#shift());
  }

  #failAll(error: SocketError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.fail(error, this.#isQuiet);
  }

  #dueIn(timeoutInMillis: number): number {
    if (timeoutInMillis === Infinity) return Infinity;
    const clock = timeoutInMillis < LEAST_BUSY_INTERVAL_IN_MILLIS ? this.#clock : this.#busyClock;
    return clock.now() + timeoutInMillis;
  }

  /** Ends the waits that are over and says when the next one will be. */
  #giveUp(now: number, isSure: boolean): number {
    let next = this.#busyClock.look(now);
    // Nobody is told that nothing came who only lets others go first.
    if (isSure && this.#waiters.some(({ due }) => due <= now)) this.#handOutNow();
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
    return next;
  }

  /**
   * Takes nothing any more and ends all waits, and every later one once what is there has been taken.
   *
   * @param error What waits end with.
   * @param isQuiet Whether an iteration just ends.
   */
  finish(error: SocketError, isQuiet: boolean): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#isQuiet = isQuiet;
    this.#timer.stop();
    this.#handOutNow();
    this.#failAll(error);
  }

  /** Drops, and counts, what nobody will take any more. */
  clear(): void {
    const bytes = this.#bytes;
    this.countDropped(this.length);
    this.#queue = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#budget?.give(bytes, this);
  }
}
