// A ceiling for what all sessions of a listener keep together that nobody has read.
//
// Senders can be forged, so that each of many sessions keeps little and all of them keep much. Where the ceiling is
// reached, whoever keeps much has to let go, not whoever comes next: a flood must not cost those who are read.
// Among so many it is not looked for who keeps most, but for who does among the next few.
//
// Who has ended is not held here, but for what is to be counted once nobody can read it any more: a session that
// has ended is ten times what its one datagram is counted as, and there may be as many as there are senders.

import { Bag, type Placed } from "../listener/bag.ts";
import { type DropCounter, DropCounts, type DropReason } from "./udp_stats.ts";

/** Among how many the one who keeps most is looked for. */
const CANDIDATES = 8;

/** Somebody who keeps what nobody has read. */
export interface Keeper {
  /** How many bytes it keeps. */
  readonly unreadBytes: number;
  /** Whether nothing will come any more: what is left then goes first. */
  readonly hasEnded: boolean;
  /** Where it stands among the others; changed by nobody else. */
  readonly placed: Placed;
  /** Drops and counts some of it, and gives it back. */
  letGo(): void;
}

/** What somebody keeps who has ended, and whom others may hold. */
export class Remains implements Keeper {
  readonly placed = { place: -1 };
  readonly hasEnded = true;
  readonly #keeper: WeakRef<Keeper>;
  readonly #onLost: (remains: Remains) => void;
  unreadBytes: number;
  datagrams: number;

  /** @param keeper Who. @param datagrams How many it keeps. @param onLost Told when nobody holds it any more. */
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

  /** Nobody holds it any more. */
  onLost(): void {
    this.#onLost(this);
  }
}

/** Not of a budget: a stop leaves its own to nobody, and what is then still to be read is counted all the same. */
const ended = new FinalizationRegistry<Remains>((remains) => remains.onLost());

/** Counts what is kept, and what was dropped. */
export class UnreadBudget implements DropCounter {
  readonly #limit: number;
  readonly #drops: DropCounter;
  readonly #keepers = new Bag<Keeper>((keeper) => keeper.placed);
  readonly #onLost = (remains: Remains) => this.#drop(remains);
  #bytes = 0;
  #next = 0;
  #droppedDatagrams = 0;

  /**
   * @param limit How many bytes may be kept in all; anything where nothing is kept.
   * @param drops Counts what is dropped, by reason.
   */
  constructor(limit: number, drops: DropCounter = new DropCounts()) {
    this.#limit = limit;
    this.#drops = drops;
  }

  /** Bytes that are kept by everybody. */
  get unreadBytes(): number {
    return this.#bytes;
  }

  /** How many datagrams were dropped by everybody, for whatever reason. */
  get droppedDatagrams(): number {
    return this.#droppedDatagrams;
  }

  /** Counts datagrams that were dropped. */
  countDropped(count: number, reason: DropReason = "not-taken"): void {
    this.#droppedDatagrams += count;
    this.#drops.countDropped(count, reason);
  }

  /**
   * Counts bytes that somebody is about to keep, after making room for them where needed.
   *
   * @returns Whether they may be kept: not where nobody was found who keeps more than this one then would.
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

  /** Bytes were read or dropped; what is still kept was counted anew before. */
  give(length: number, keeper: Keeper): void {
    this.#bytes -= length;
    if (keeper.unreadBytes === 0) this.#keepers.delete(keeper);
  }

  /**
   * Lets go of somebody who has ended and keeps something.
   *
   * @param datagrams How many.
   * @returns What stands here instead, and has to be told of whatever is read or dropped.
   */
  release(keeper: Keeper, datagrams: number): Remains {
    const remains = new Remains(keeper, datagrams, this.#onLost);
    this.#keepers.delete(keeper);
    this.#keepers.add(remains);
    ended.register(keeper, remains);
    return remains;
  }

  /** Nobody can read what is left. */
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
