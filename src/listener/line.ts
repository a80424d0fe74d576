// A list in the order of arrival, from which any element may leave at any time. Each element knows its neighbours, so
// that nothing is searched for, and nothing is kept of those that have left.

/** An element of a line; only the line changes its fields. */
export interface InLine<T> {
  /** The element before it. */
  before: T | undefined;
  /** The element after it. */
  behind: T | undefined;
}

/** A line, which may change while it is iterated over. */
export class Line<T extends InLine<T>> implements Iterable<T> {
  #first: T | undefined;
  #last: T | undefined;
  #length = 0;

  /** How many elements there are. */
  get length(): number {
    return this.#length;
  }

  /** The element that arrived before all others. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Appends an element that is in no line. */
  append(thing: T): void {
    thing.before = this.#last;
    thing.behind = undefined;
    if (this.#last === undefined) this.#first = thing;
    else this.#last.behind = thing;
    this.#last = thing;
    this.#length++;
  }

  /** Puts an element that is in no line before all others. */
  prepend(thing: T): void {
    thing.before = undefined;
    thing.behind = this.#first;
    if (this.#first === undefined) this.#last = thing;
    else this.#first.before = thing;
    this.#first = thing;
    this.#length++;
  }

  /** Removes an element that is in the line. */
  remove(thing: T): void {
    const { before, behind } = thing;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    thing.before = thing.behind = undefined;
    this.#length--;
  }

  /** The elements that are in the line now. */
  [Symbol.iterator](): Iterator<T> {
    const all: T[] = [];
    for (let thing = this.#first; thing !== undefined; thing = thing.behind) all.push(thing);
    return all[Symbol.iterator]();
  }
}
