// A limit for the unread datagrams of all sessions of a listener together.
//
// Senders can be forged, so many sessions may each keep little and together keep much. At the limit, a session that
// keeps much loses datagrams, not the one whose datagram arrives: a flood must not cost the sessions that are read.
// To find it among so many, only the next few are compared.
//
// An ended session is not held here, because its objects cost ten times what its one datagram is counted as, and
// there may be as many of them as senders. A small stand-in is held: it counts the datagrams that can no longer be
// read.

import { Bag, type Placed } from "../base/bag.ts";
import { type DropCounter, DropCounts, type DropReason } from "./udp_stats.ts";

/** How many keepers are compared to find the one that keeps most. */
const CANDIDATES = 8;

/** A session, or another owner of unread datagrams. */
export interface Keeper {
  /** How many bytes it keeps. */
  readonly unreadBytes: number;
  /** Whether it has ended: its datagrams are dropped first. */
  readonly hasEnded: boolean;
  /** Its place among the others. Only the budget changes it. */
  readonly placed: Placed;
  /** Drops and counts some datagrams, and returns their bytes to the budget. */
  letGo(): void;
}

/** The stand-in of a keeper that has ended. */
export class Remains implements Keeper {
  readonly placed = { place: -1 };
  readonly hasEnded = true;
  readonly #keeper: WeakRef<Keeper>;
  readonly #onLost: (remains: Remains) => void;
  unreadBytes: number;
  datagrams: number;

  /** @param keeper The ended one. @param datagrams How many it keeps. @param onLost Called when it is collected. */
  constructor(keeper: Keeper, datagrams: number, onLost: (remains: Remains) => void) {
    this.#keeper = new WeakRef(keeper);
    this.#onLost = onLost;
    this.unreadBytes = keeper.unreadBytes;
    this.datagrams = datagrams;
  }

  letGo(): void {
    const keeper = this.#keeper.deref();
    if (keeper === undefined) this.onLost();
    else keeper.letGo();
  }

  /** The keeper was collected. */
  onLost(): void {
    this.#onLost(this);
  }
}

/** Shared by all budgets: after a stop nobody holds a budget, and what is still unread is counted all the same. */
const ended = new FinalizationRegistry<Remains>((remains) => remains.onLost());

/** Counts kept bytes and dropped datagrams. */
export class UnreadBudget implements DropCounter {
  readonly #limit: number;
  readonly #drops: DropCounter;
  readonly #keepers = new Bag<Keeper>((keeper) => keeper.placed);
  readonly #onLost = (remains: Remains) => this.#drop(remains);
  #bytes = 0;
  #next = 0;
  #droppedDatagrams = 0;

  /**
   * @param limit How many bytes may be kept in all. A single datagram is always accepted when nothing is kept.
   * @param drops Counts dropped datagrams by reason.
   */
  constructor(limit: number, drops: DropCounter = new DropCounts()) {
    this.#limit = limit;
    this.#drops = drops;
  }

  /** Bytes kept by all. */
  get unreadBytes(): number {
    return this.#bytes;
  }

  /** How many datagrams all have dropped, for any reason. */
  get droppedDatagrams(): number {
    return this.#droppedDatagrams;
  }

  /** Counts datagrams that were dropped. */
  countDropped(count: number, reason: DropReason = "not-taken"): void {
    this.#droppedDatagrams += count;
    this.#drops.countDropped(count, reason);
  }

  /**
   * Counts bytes that a keeper is about to keep. Makes room for them first if needed.
   *
   * @returns Whether they may be kept: false if no keeper was found that keeps more than this one would.
   */
  take(length: number, keeper: Keeper): boolean {
    while (this.#bytes > 0 && this.#bytes + length > this.#limit) {
      const heavy = this.#heavyOne();
      if (heavy === keeper) return false;
      if (!heavy.hasEnded && heavy.unreadBytes < keeper.unreadBytes + length) return false;
      heavy.letGo();
    }
    this.#bytes += length;
    if (!this.#keepers.has(keeper)) this.#keepers.add(keeper);
    return true;
  }

  /** Bytes were read or dropped. The keeper's own count was changed before. */
  give(length: number, keeper: Keeper): void {
    this.#bytes -= length;
    if (keeper.unreadBytes === 0) this.#keepers.delete(keeper);
  }

  /**
   * Replaces a keeper that has ended and still keeps datagrams.
   *
   * @param datagrams How many.
   * @returns The stand-in, which must be told of all datagrams that are read or dropped.
   */
  release(keeper: Keeper, datagrams: number): Remains {
    const remains = new Remains(keeper, datagrams, this.#onLost);
    this.#keepers.delete(keeper);
    this.#keepers.add(remains);
    ended.register(keeper, remains);
    return remains;
  }

  /** What is left can no longer be read. */
  #drop(remains: Remains): void {
    const { unreadBytes, datagrams } = remains;
    remains.unreadBytes = remains.datagrams = 0;
    this.countDropped(datagrams);
    this.give(unreadBytes, remains);
  }

  #heavyOne(): Keeper {
    const { size } = this.#keepers;
    let heavy: Keeper | undefined;
    for (let count = Math.min(CANDIDATES, size); count > 0; count--) {
      const keeper = this.#keepers.at(this.#next++ % size);
      if (heavy === undefined || heft(keeper) > heft(heavy)) heavy = keeper;
    }
    // It has a keeper as long as it has bytes.
    return heavy!;
  }
}

function heft({ hasEnded, unreadBytes }: Keeper): number {
  return hasEnded ? Infinity : unreadBytes;
}
