// Datagrams that came and that nobody has taken yet, beside those who wait for one: first come, first served on both
// sides.
//
// What waits here has a limit in bytes, and so may what waits in many of them together; what is over it is dropped
// and counted, the newest or the oldest.
//
// Whoever takes one after the other of what is there steps back after so many, and waits as for one that has not
// come yet: only then do some wait here though something is there.

import type { SocketError } from "../base/errors.ts";
import type { Clock, DatagramAddress } from "../network/network.ts";
import type { Datagram } from "./datagram.ts";
import { DatagramShare } from "./datagram_share.ts";
import { DatagramWaiters, type TakeLimits } from "./datagram_waiters.ts";
import { Fifo } from "./fifo.ts";
import { HandOut } from "../bytes/hand_out.ts";
import { plainTurns, type Turns } from "../network/turns.ts";
import type { DropCounter, DropReason } from "./udp_stats.ts";
import type { Keeper, Remains, UnreadBudget } from "./unread_budget.ts";

/** What a datagram is counted as besides its bytes: about what holding it costs. */
export const DATAGRAM_OVERHEAD = 256;

/** Which datagram is dropped when there is no room: the one that comes, or the one that waits longest. */
export type DropPolicy = "newest" | "oldest";

/** A bounded queue of datagrams with waiting receivers. */
export class DatagramMailbox implements Keeper {
  readonly placed = { place: -1 };
  readonly #limit: number;
  readonly #drop: DropPolicy;
  readonly #budget: UnreadBudget | undefined;
  readonly #drops: DropCounter | undefined;
  readonly #queue = new Fifo<Datagram>();
  #bytes = 0;
  #droppedDatagrams = 0;
  readonly #waiters: DatagramWaiters;
  readonly #handOut: HandOut;
  readonly #share: DatagramShare;
  #ended: SocketError | undefined;
  #isQuiet = false;
  /** What the budget holds in the place of this when it has ended. */
  #remains: Remains | undefined;

  /**
   * @param clock The time that waits go by.
   * @param limit How many bytes may wait. One datagram always may.
   * @param drop Which one is dropped when there is no room.
   * @param handOut Makes the copies for those who wait.
   * @param budget What it keeps within, together with others.
   * @param turns How others get their turn while much is taken.
   * @param drops Counts what is dropped; the budget, where there is one.
   */
  constructor(
    clock: Clock,
    limit: number,
    drop: DropPolicy,
    handOut: HandOut = new HandOut(),
    budget?: UnreadBudget,
    turns: Turns = plainTurns,
    drops: DropCounter | undefined = budget,
  ) {
    this.#drops = drops;
    this.#share = new DatagramShare(turns);
    this.#budget = budget;
    this.#handOut = handOut;
    this.#limit = limit;
    this.#drop = drop;
    // Nobody is told that nothing came who only lets others go first.
    this.#waiters = new DatagramWaiters(clock, () => this.#handOutNow());
  }

  /** How many datagrams were dropped. */
  get droppedDatagrams(): number {
    return this.#droppedDatagrams;
  }

  /** How many datagrams wait to be taken. */
  get length(): number {
    return this.#queue.length;
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
    if (this.#ended !== undefined) return this.countDropped(1, "stopped");
    const waiter = this.length > 0 ? undefined : this.#waiters.shift();
    if (waiter !== undefined) {
      return waiter.deliver({
        remoteHost: from.hostname,
        remotePort: from.port,
        data: this.#handOut.copy(bytes),
      });
    }
    const weight = bytes.length + DATAGRAM_OVERHEAD;
    while (!this.#hasRoom(weight)) {
      if (this.#drop === "newest" || this.length === 0) {
        return this.countDropped(1, "queue-limit");
      }
      this.letGo();
    }
    this.#bytes += weight;
    // Not out of the slab: others of it are in the hands of users, who may transfer its buffer.
    const data = new Uint8Array(bytes);
    this.#queue.push({ remoteHost: from.hostname, remotePort: from.port, data });
  }

  /** The datagrams that wait to be taken. */
  get waiting(): readonly Datagram[] {
    return this.#queue.all();
  }

  #hasRoom(weight: number): boolean {
    if (this.#bytes + weight > this.#limit && this.length > 0) return false;
    return this.#budget === undefined || this.#budget.take(weight, this);
  }

  /** Drops, and counts, the datagram that has to go first. */
  letGo(): void {
    const dropped = this.#drop === "oldest" ? this.#queue.shift() : this.#queue.pop();
    if (dropped === undefined) return;
    this.countDropped(1, "queue-limit");
    this.#release(dropped);
  }

  /** Counts datagrams that were dropped, also before they got here. */
  countDropped(count: number, reason: DropReason): void {
    this.#droppedDatagrams += count;
    this.#drops?.countDropped(count, reason);
  }

  /** Takes the first datagram if there is one. */
  shift(): Datagram | undefined {
    const datagram = this.#queue.shift();
    if (datagram !== undefined) this.#release(datagram);
    return datagram;
  }

  /** It waits here no longer. */
  #release({ data }: Datagram): void {
    // Nobody else has had it yet, so that it is as long as it was.
    const weight = data.length + DATAGRAM_OVERHEAD;
    this.#bytes -= weight;
    this.#giveBack(weight);
  }

  #giveBack(weight: number): void {
    if (this.#remains !== undefined) {
      this.#remains.unreadBytes = this.#bytes;
      this.#remains.datagrams = this.length;
    }
    this.#budget?.give(weight, this.#remains ?? this);
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
    if (limits.signal?.aborted) return Promise.reject(limits.signal.reason);
    const mustWait = this.#share.isUsedUp(this.length) || this.#waiters.length > 0;
    if (this.length > 0) {
      if (!mustWait) return Promise.resolve(shape(this.shift()!));
      this.#stepBack();
    } else if (this.#ended !== undefined) {
      return this.#isQuiet && closedAs !== undefined
        ? Promise.resolve(closedAs)
        : Promise.reject(this.#ended);
    }
    return this.#waiters.wait(shape, limits, closedAs);
  }

  /** Ends the waits of an iteration that was left. @param shape The one that it has given to `take`. */
  leave(shape: (datagram: Datagram) => unknown): void {
    this.#waiters.leave(shape);
  }

  #stepBack(): void {
    if (this.#share.isSteppingBack) return;
    void this.#share.stepBack().then(() => {
      while (this.#waiters.length > 0 && this.length > 0) {
        if (this.#share.isUsedUp(this.length)) return this.#stepBack();
        this.#waiters.shift()!.deliver(this.shift()!);
      }
      if (this.#ended !== undefined) this.#waiters.fail(this.#ended, this.#isQuiet);
    });
  }

  /** Hands what is there to those who wait, though the others have not had their turn. */
  #handOutNow(): void {
    while (this.#waiters.length > 0 && this.length > 0) {
      this.#waiters.shift()!.deliver(this.shift()!);
    }
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
    this.#waiters.stop();
    this.#handOutNow();
    this.#waiters.fail(error, isQuiet);
    if (this.length > 0) this.#remains = this.#budget?.release(this, this.length);
  }

  /** Drops, and counts, what nobody will take any more. */
  clear(): void {
    const bytes = this.#bytes;
    this.countDropped(this.length, "not-taken");
    this.#queue.clear();
    this.#bytes = 0;
    this.#giveBack(bytes);
  }
}
