// Memory that sockets keep for the bytes to come, and give back when they are quiet: ten thousand idle connections
// shall not have ten thousand buffers.
//
// Decision record: no timer and no clock. The busy sockets pay. A hand goes round all that have spare memory, one step
// for so many reads of any of them, and some for each that is new. Whoever has not read since it came by the last time
// gives its memory back. So one whose reads are much rarer than those of the others makes a buffer for each of them,
// half a microsecond; nobody else notices anything. Of a few, all keep what they have. Where nobody reads, nothing is
// given back, but nothing is taken either.

import { Bag, type Placed } from "../base/bag.ts";

/** Somebody who has spare memory: its place is among all of them. */
export interface MemoryKeeper extends Placed {
  /**
   * Gives back what it has not needed since this was asked the last time.
   *
   * @returns Whether nothing is left.
   */
  giveBack(): boolean;
}

/** So many may have some in any case. */
const FEW = 64;
const READS_PER_STEP = 16;
/** More than two: it comes by twice before somebody has nothing, and shall be faster than new ones come. */
const STEPS_PER_NEW = 4;

/** All that have spare memory. */
export class SpareMemory {
  readonly #keepers = new Bag<MemoryKeeper>((keeper) => keeper);
  #hand = 0;
  #untilStep = READS_PER_STEP;

  /** How many there are. */
  get size(): number {
    return this.#keepers.size;
  }

  /** One more has some. It is not asked for it before the hand comes by. */
  add(keeper: MemoryKeeper): void {
    for (let i = 0; i < STEPS_PER_NEW; i++) this.#step();
    this.#keepers.add(keeper);
  }

  /** One has none any more. */
  delete(keeper: MemoryKeeper): void {
    this.#keepers.delete(keeper);
  }

  /** One of them was read into. */
  onRead(): void {
    if (--this.#untilStep > 0) return;
    this.#untilStep = READS_PER_STEP;
    this.#step();
  }

  #step(): void {
    const keepers = this.#keepers;
    if (keepers.size <= FEW) return;
    if (this.#hand >= keepers.size) this.#hand = 0;
    const keeper = keepers.at(this.#hand);
    // The last one takes its place then, and is next.
    if (keeper.giveBack()) this.delete(keeper);
    else this.#hand++;
  }
}
