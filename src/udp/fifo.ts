// A queue: taking out what is first costs as little as putting something behind what is last, however much there is.

/** After so many that were taken out, the others move up. */
const COMPACT_AT = 1_024;

/** Things in the order in which they came. */
export class Fifo<T> {
  #things: T[] = [];
  /** The place of the first; what lies before it was taken out. */
  #first = 0;

  /** How many there are. */
  get length(): number {
    return this.#things.length - this.#first;
  }

  /** Puts one behind the others. */
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
