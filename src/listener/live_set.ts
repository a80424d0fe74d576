// What a listener has open, as a read-only set for its user.

import type { Bag } from "../base/bag.ts";

/** A read-only set over a bag. */
export class LiveSet<T> implements ReadonlySet<T> {
  readonly #bag: Bag<T>;
  readonly #mayHave: (value: unknown) => boolean;

  /**
   * @param bag The bag to show, always as it is now.
   * @param mayHave Whether a value is of the kind that the bag can hold.
   */
  constructor(bag: Bag<T>, mayHave: (value: unknown) => boolean) {
    this.#bag = bag;
    this.#mayHave = mayHave;
  }

  get size(): number {
    return this.#bag.size;
  }

  has(value: T): boolean {
    return this.#mayHave(value) && this.#bag.has(value);
  }

  forEach(
    callback: (value: T, key: T, set: ReadonlySet<T>) => void,
    thisArg?: unknown,
  ): void {
    for (const value of this) callback.call(thisArg, value, value, this);
  }

  entries(): SetIterator<[T, T]> {
    return this.#now().entries();
  }

  keys(): SetIterator<T> {
    return this.values();
  }

  values(): SetIterator<T> {
    return this.#bag[Symbol.iterator]();
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.values();
  }

  union<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#now().union(other);
  }

  intersection<U>(other: ReadonlySetLike<U>): Set<T & U> {
    return this.#now().intersection(other);
  }

  difference<U>(other: ReadonlySetLike<U>): Set<T> {
    return this.#now().difference(other);
  }

  symmetricDifference<U>(other: ReadonlySetLike<U>): Set<T | U> {
    return this.#now().symmetricDifference(other);
  }

  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#now().isSubsetOf(other);
  }

  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#now().isSupersetOf(other);
  }

  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return this.#now().isDisjointFrom(other);
  }

  /** How `console.log` shows it. */
  [Symbol.for("Deno.customInspect")](
    inspect: typeof Deno.inspect,
    options: Deno.InspectOptions,
  ): string {
    return inspect(this.#now(), options);
  }

  #now(): Set<T> {
    return new Set(this);
  }
}
