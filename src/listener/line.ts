// Things in the order in which they came, of which any may leave at any time: each knows its neighbours, so that
// nothing is searched for, and nothing is kept of those that have left.

/** Something that stands in a line; the fields are the line's to change. */
export interface InLine<T> {
  /** Who stands before it. */
  before: T | undefined;
  /** Who stands behind it. */
  behind: T | undefined;
}

/** A line, which may be walked through while it changes. */
export class Line<T extends InLine<T>> implements Iterable<T> {
  #first: T | undefined;
  #last: T | undefined;
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Who came before all others. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Puts one that is in no line at the end. */
  append(thing: T): void {
    thing.before = this.#last;
    thing.behind = undefined;
    if (this.#last === undefined) this.#first = thing;
    else this.#last.behind = thing;
    this.#last = thing;
    this.#length++;
  }

  /** Takes one out that is in. */
  remove(thing: T): void {
    const { before, behind } = thing;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    thing.before = thing.behind = undefined;
    this.#length--;
  }

  /** Those that are in now. */
  [Symbol.iterator](): Iterator<T> {
    const all: T[] = [];
    for (let thing = this.#first; thing !== undefined; thing = thing.behind) all.push(thing);
    return all[Symbol.iterator]();
  }
}
