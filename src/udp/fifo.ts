// A queue whose two ends cost the same, however long it is.

/** After this many were taken out, the others move up. */
const COMPACT_AT = 1_024;

/** Items in the order in which they were added. */
export class Fifo<T> {
  #things: T[] = [];
  /** The index of the first; those before it were taken out. */
  #first = 0;

  /** How many there are. */
  get length(): number {
    return this.#things.length - this.#first;
  }

  /** Adds one at the end. */
  push(thing: T): void {
    this.#things.push(thing);
  }

  /** Takes the first one out, if there is one. */
  shift(): T | undefined {
    const things = this.#things;
    if (this.#first === things.length) return undefined;
    const thing = things[this.#first++];
    if (this.#first === things.length) {
      things.length = this.#first = 0;
    } else if (this.#first >= COMPACT_AT && this.#first * 2 >= things.length) {
      things.splice(0, this.#first);
      this.#first = 0;
    }
    return thing;
  }

  /** Takes the last one out, if there is one. */
  pop(): T | undefined {
    return this.length > 0 ? this.#things.pop() : undefined;
  }

  /** All of them. */
  all(): T[] {
    return this.#things.slice(this.#first);
  }

  /** Takes all of them out. */
  clear(): T[] {
    const all = this.all();
    this.#things = [];
    this.#first = 0;
    return all;
  }
}
