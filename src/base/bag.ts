// A collection from which any element may leave at any time. It keeps nothing of those that have left, unlike a Set.
//
// Decision record: a Set moves into a new table whenever the old one is full, even if only of holes, and in V8 the old
// table leads to the new one. So a table that has survived a collection keeps all tables after it, and each table keeps
// the elements that were in it when it was left. With short connections that is nearly every one that there was, until
// the next full collection. Each small collection copied them, which was a sixth of what a short connection cost. Here
// each element knows its place, and the last one fills the place of one that leaves.

/** Where something is. */
export interface Placed {
  /** Its place in its bag, or -1 if it is in none; only the bag changes it. */
  place: number;
}

/** A collection without an order. */
export class Bag<T> implements Iterable<T> {
  readonly #things: T[] = [];
  readonly #placedOf: (thing: T) => Placed;

  /** @param placedOf Where an element keeps its place; nothing else writes there. */
  constructor(placedOf: (thing: T) => Placed) {
    this.#placedOf = placedOf;
  }

  /** How many there are. */
  get size(): number {
    return this.#things.length;
  }

  /** Whether the element is in the bag. */
  has(thing: T): boolean {
    return this.#things[this.#placedOf(thing).place] === thing;
  }

  /** The element at a place from 0 to below `size`. It may be another one after an element has left. */
  at(place: number): T {
    return this.#things[place]!;
  }

  /** Adds an element that is in no bag. */
  add(thing: T): void {
    this.#placedOf(thing).place = this.#things.push(thing) - 1;
  }

  /** Removes an element, if it is in the bag. */
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

  /** The elements that are in the bag now, except those that leave before their turn. */
  *[Symbol.iterator](): Generator<T, undefined> {
    for (const thing of [...this.#things]) {
      if (this.has(thing)) yield thing;
    }
  }
}
