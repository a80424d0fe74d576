// The open connections as their listener's user sees them: a set to read.

import type { Bag } from "./bag.ts";
import { Connection } from "../connection/connection.ts";

/** A bag with the face of a set. */
export class ConnectionSet implements ReadonlySet<Connection> {
  readonly #bag: Bag<Connection>;

  /** @param bag What it shows, as it is at any time. */
  constructor(bag: Bag<Connection>) {
    this.#bag = bag;
  }

  get size(): number {
    return this.#bag.size;
  }

  has(value: Connection): boolean {
    return value instanceof Connection && this.#bag.has(value);
  }

  forEach(
    callback: (value: Connection, key: Connection, set: ReadonlySet<Connection>) => void,
    thisArg?: unknown,
  ): void {
    for (const connection of this) callback.call(thisArg, connection, connection, this);
  }

  entries(): SetIterator<[Connection, Connection]> {
    return this.#now().entries();
  }

  keys(): SetIterator<Connection> {
    return this.values();
  }

  values(): SetIterator<Connection> {
    return this.#bag[Symbol.iterator]();
  }

  [Symbol.iterator](): SetIterator<Connection> {
    return this.values();
  }

  union<U>(other: ReadonlySetLike<U>): Set<Connection | U> {
    return this.#now().union(other);
  }

  intersection<U>(other: ReadonlySetLike<U>): Set<Connection & U> {
    return this.#now().intersection(other);
  }

  difference<U>(other: ReadonlySetLike<U>): Set<Connection> {
    return this.#now().difference(other);
  }

  symmetricDifference<U>(other: ReadonlySetLike<U>): Set<Connection | U> {
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

  #now(): Set<Connection> {
    return new Set(this);
  }
}
