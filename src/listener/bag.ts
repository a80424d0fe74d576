// Things of which any may leave at any time, without what a Set keeps of those that have left.
//
// Decision record: a Set moves into a new table whenever the old one is full, if only of holes, and in V8 the old
// table leads to the new one. A table that has survived a collection so keeps all those after it, and each table
// keeps whoever was in when it was left: with short connections nearly every one that there was, until the next
// full collection. They were copied by each small one, which was a sixth of what a short connection cost. Here
// each thing knows its place, and whoever is last fills the place of one that leaves.

/** Where something is. */
export interface Placed {
  /** Its place in the bag that it is in, -1 where it is in none; the bag's to change. */
  place: number;
}

/** Things in no order. */
export class Bag<T> implements Iterable<T> {
  readonly #things: T[] = [];
  readonly #placedOf: (thing: T) => Placed;

  /** @param placedOf Where a thing notes its place; nothing else does. */
  constructor(placedOf: (thing: T) => Placed) {
    this.#placedOf = placedOf;
  }

  /** How many there are. */
  get size(): number {
    return this.#things.length;
  }

  /** Whether it is in. */
  has(thing: T): boolean {
    return this.#things[this.#placedOf(thing).place] === thing;
  }

  /** One of them, by a place from 0 to before `size`: another one after somebody has left. */
  at(place: number): T {
    return this.#things[place]!;
  }

  /** Puts one in that is in no bag. */
  add(thing: T): void {
    this.#placedOf(thing).place = this.#things.push(thing) - 1;
  }

  /** Takes one out, if it is in. */
  delete(thing: T): void {
    if (!this.has(thing)) return;
    const placed = this.#placedOf(thing);
    const last = this.#things.pop()!;
    if (last !== thing) {
      this.#things[placed.place] = last;
      this.#placedOf(last).place = placed.place;
    }
    placed.place = -1;
  }

  /** Those that are in now, but for those that leave before it is their turn. */
  *[Symbol.iterator](): Generator<T, undefined> {
    for (const thing of [...this.#things]) {
      if (this.has(thing)) yield thing;
    }
  }
}
