// Datagrams that arrived and are not taken yet, and the receivers that wait for one. Both are served in order.
//
// The waiting datagrams have a limit in bytes. Many mailboxes may also share a limit. Over a limit, the newest or the
// oldest datagram is dropped and counted.
//
// A receiver that takes many waiting datagrams in a row must give way to others now and then. It then waits as if no
// datagram had arrived. Only in this case do receivers wait although a datagram is there.

import type { SocketError } from "../base/errors.ts";
import type { Clock, DatagramAddress } from "../network/network.ts";
import type { ArrivedDatagram, Datagram } from "./datagram.ts";
import { DatagramShare } from "./datagram_share.ts";
import { DatagramWaiters, type Shape, type TakeLimits } from "./datagram_waiters.ts";
import { Fifo } from "./fifo.ts";
import { HandOut } from "../bytes/hand_out.ts";
import { plainTurns, type Turns } from "../network/turns.ts";
import type { DropCounter, DropReason } from "./udp_stats.ts";
import type { Keeper, Remains, UnreadBudget } from "./unread_budget.ts";
import type { WorkTime } from "./work_time.ts";

/** How many bytes a datagram counts besides its own: about what holding it costs. */
export const DATAGRAM_OVERHEAD = 256;

/** Which datagram is dropped when there is no room: the one that arrives, or the one that has waited longest. */
export type DropPolicy = "newest" | "oldest";

/** A bounded queue of datagrams with waiting receivers. */
export class DatagramMailbox implements Keeper {
  readonly placed = { place: -1 };
  readonly #limit: number;
  readonly #drop: DropPolicy;
  readonly #budget: UnreadBudget | undefined;
  readonly #drops: DropCounter | undefined;
  readonly #queue = new Fifo<ArrivedDatagram>();
  #bytes = 0;
  #droppedDatagrams = 0;
  readonly #waiters: DatagramWaiters;
  readonly #handOut: HandOut;
  readonly #share: DatagramShare;
  /** How long those who take take for what they do with one, in turns that others wait for. */
  workTime: WorkTime | undefined;
  /** When one was handed out to somebody who has not asked for the next one. */
  #workBegan = NaN;
  #ended: SocketError | undefined;
  /** Where the datagram that was handed out last is from. */
  #handedOut: DatagramAddress | undefined;
  /** Why the next wait fails. */
  #refusal: SocketError | undefined;
  #isQuiet = false;
  /** After the end, the budget holds this instead of the mailbox. */
  #remains: Remains | undefined;

  /**
   * @param clock The clock for timeouts.
   * @param limit How many bytes may wait. One datagram always may.
   * @param drop Which datagram is dropped when there is no room.
   * @param handOut Makes the copies for waiting receivers.
   * @param budget A limit that it shares with others.
   * @param turns How others get their turn while many datagrams are taken.
   * @param drops Counts dropped datagrams. By default the budget does, if there is one.
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
    this.#share = new DatagramShare({ clock, turns });
    this.#budget = budget;
    this.#handOut = handOut;
    this.#limit = limit;
    this.#drop = drop;
    // A receiver that only lets others go first must not time out.
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

  /** How many bytes wait to be taken. Each datagram is counted with what holding it costs. */
  get unreadBytes(): number {
    return this.#bytes;
  }

  /** Where the datagram that was handed out last is from, and to which address it came. */
  get handedOut(): DatagramAddress | undefined {
    return this.#handedOut;
  }

  /** Whether it accepts no more datagrams. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether a receiver waits for a datagram that has not arrived. */
  get isWaitedFor(): boolean {
    return this.#waiters.length > this.length;
  }

  /** Called when a receiver has given up, so that `isWaitedFor` may be false now. */
  set onGivenUp(callback: () => void) {
    this.#waiters.onGivenUp = callback;
  }

  /** Hands a copy of a datagram to the receiver that has waited longest, keeps a copy, or drops a datagram. */
  put(bytes: Uint8Array, from: DatagramAddress): void {
    if (this.#ended !== undefined) return this.countDropped(1, "stopped");
    const waiter = this.length > 0 ? undefined : this.#waiters.shift();
    if (waiter !== undefined) {
      this.#handedOut = from;
      this.#beginWork();
      return waiter.deliver({
        remoteHost: from.hostname,
        remotePort: from.port,
        data: this.#handOut.copy(bytes),
      }, from);
    }
    const weight = bytes.length + DATAGRAM_OVERHEAD;
    while (!this.#hasRoom(weight)) {
      if (this.#drop === "newest" || this.length === 0) {
        return this.countDropped(1, "queue-limit");
      }
      this.letGo();
    }
    this.#bytes += weight;
    // Not in the slab: users hold other parts of it, and may transfer its buffer.
    const data = new Uint8Array(bytes);
    const datagram = { remoteHost: from.hostname, remotePort: from.port, data };
    this.#queue.push({ datagram, from });
  }

  /** The datagrams that wait to be taken. */
  get waiting(): readonly ArrivedDatagram[] {
    return this.#queue.all();
  }

  #hasRoom(weight: number): boolean {
    if (this.#bytes + weight > this.#limit && this.length > 0) return false;
    return this.#budget === undefined || this.#budget.take(weight, this);
  }

  /** Drops and counts the datagram that must go first. */
  letGo(): void {
    const dropped = this.#drop === "oldest" ? this.#queue.shift() : this.#queue.pop();
    if (dropped === undefined) return;
    this.countDropped(1, "queue-limit");
    this.#release(dropped.datagram);
  }

  /** Counts dropped datagrams, including those dropped before they got here. */
  countDropped(count: number, reason: DropReason): void {
    this.#droppedDatagrams += count;
    this.#drops?.countDropped(count, reason);
  }

  /** Takes the first datagram if there is one. */
  shift(): ArrivedDatagram | undefined {
    const arrived = this.#queue.shift();
    if (arrived === undefined) return undefined;
    this.#handedOut = arrived.from;
    this.#release(arrived.datagram);
    return arrived;
  }

  /** The datagram no longer waits here. */
  #release({ data }: Datagram): void {
    // No user has had it yet, so its length has not changed.
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
   * Takes the first datagram, or waits for one.
   *
   * @param shape Makes the result from the datagram.
   * @param limits How the wait may end without a datagram; none is lost then.
   * @param closedAs The result at a quiet end, instead of throwing.
   * @throws {SocketError} The error that {@linkcode DatagramMailbox.finish} was given.
   */
  take<T>(shape: Shape<T>, limits: TakeLimits, closedAs?: T): Promise<T> {
    this.#endWork();
    if (limits.signal?.aborted) return Promise.reject(limits.signal.reason);
    const mustWait = this.#share.isUsedUp(this.length) || this.#waiters.length > 0;
    if (this.length > 0) {
      if (!mustWait) {
        const { datagram, from } = this.shift()!;
        this.#beginWork();
        return Promise.resolve(shape(datagram, from));
      }
      this.#stepBack();
    } else if (this.#ended !== undefined) {
      return this.#isQuiet && closedAs !== undefined
        ? Promise.resolve(closedAs)
        : Promise.reject(this.#ended);
    } else if (this.#refusal !== undefined) {
      const refusal = this.#refusal;
      this.#refusal = undefined;
      return Promise.reject(refusal);
    }
    return this.#waiters.wait(shape, limits, closedAs);
  }

  /**
   * The peer has refused what was sent to it: ends all waits, or the next one. What has arrived shows that the peer is
   * there.
   */
  refuse(error: SocketError): void {
    if (this.length > 0 || this.#ended !== undefined) return;
    if (this.#waiters.length > 0) this.#waiters.fail(error, false);
    else this.#refusal = error;
  }

  /** Drops and counts what has come from others. That an earlier peer has refused something is told nobody any more. */
  keepOnly(isKept: (from: DatagramAddress) => boolean): void {
    this.#refusal = undefined;
    for (const arrived of this.#queue.clear()) {
      if (isKept(arrived.from)) {
        this.#queue.push(arrived);
      } else {
        this.countDropped(1, "sender");
        this.#release(arrived.datagram);
      }
    }
  }

  /** Ends the waits of an iteration that was left. @param shape The shape that it gave to `take`. */
  leave(shape: Shape<unknown>): void {
    this.#waiters.leave(shape);
  }

  #stepBack(): void {
    if (this.#share.isSteppingBack) return;
    void this.#share.stepBack().then(() => {
      while (this.#waiters.length > 0 && this.length > 0) {
        if (this.#share.isUsedUp(this.length)) return this.#stepBack();
        this.#deliverNext();
      }
      if (this.#ended !== undefined) this.#waiters.fail(this.#ended, this.#isQuiet);
    });
  }

  #beginWork(): void {
    if (this.workTime !== undefined) this.#workBegan = this.workTime.begin();
  }

  #endWork(): void {
    this.workTime?.end(this.#workBegan);
    this.#workBegan = NaN;
  }

  #deliverNext(): void {
    const { datagram, from } = this.shift()!;
    this.#beginWork();
    this.#waiters.shift()!.deliver(datagram, from);
  }

  /** Hands waiting datagrams to waiting receivers, although others have not had their turn. */
  #handOutNow(): void {
    while (this.#waiters.length > 0 && this.length > 0) this.#deliverNext();
  }

  /**
   * Accepts no more datagrams and ends all waits. Later waits also end, once all waiting datagrams have been taken.
   *
   * @param error The error that waits end with.
   * @param isQuiet Whether an iteration ends without an error.
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

  /** Drops and counts the datagrams that will not be taken any more. */
  clear(): void {
    const bytes = this.#bytes;
    this.countDropped(this.length, "not-taken");
    this.#queue.clear();
    this.#bytes = 0;
    this.#giveBack(bytes);
  }
}
