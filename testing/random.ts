// Numbers that look random and are the same for the same seed.
//
// sfc32: 128 bits of state, a handful of 32-bit operations a number, passes the usual test batteries. The seed
// goes in as two halves, so that all integers up to 2^53 give different runs, and the first numbers, which are alike
// for similar seeds, are dropped.

import { checkInteger, checkMethods, shown } from "../src/base/arguments.ts";

const TWO_TO_32 = 4_294_967_296;

/**
 * A source of numbers that a seed decides.
 *
 * @example The same seed, the same numbers
 * ```ts
 * import { Random } from "socket/testing/mod.ts";
 *
 * console.assert(new Random(7).integer(1, 6) === new Random(7).integer(1, 6));
 * ```
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /**
   * Makes a source.
   *
   * @param seed An integer from 0 to 2^53 - 1.
   */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`Seed must be an integer from 0 to 2^53 - 1: got ${seed}`);
    }
    this.#a = seed | 0;
    this.#b = Math.floor(seed / TWO_TO_32) | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let i = 0; i < 12; i++) this.#bits();
  }

  /** A number from 0 to 1, without 1. */
  next(): number {
    return this.#bits() / TWO_TO_32;
  }

  /**
   * An integer.
   *
   * @param least The smallest it may be.
   * @param most The largest it may be.
   * @throws {TypeError | RangeError} One of them is no integer, or `most` is less than `least`.
   */
  integer(least: number, most: number): number {
    checkInteger("least", least, Number.MIN_SAFE_INTEGER);
    checkInteger("most", most, least);
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /**
   * Whether something happens.
   *
   * @param probability From 0, never, to 1, always. Neither of these two draws a number.
   * @throws {TypeError | RangeError} It is no such number.
   */
  chance(probability: number): boolean {
    if (!(probability >= 0 && probability <= 1)) refuseChance(probability);
    return probability > 0 && (probability >= 1 || this.next() < probability);
  }

  /**
   * One of several things.
   *
   * @param from At least one.
   * @throws {TypeError} It is no array, or an empty one.
   */
  pick<T>(from: readonly T[]): T {
    if (!Array.isArray(from) || from.length === 0) {
      throw new TypeError(`from must be an array with at least one thing: got ${shown(from)}`);
    }
    return from[this.integer(0, from.length - 1)]!;
  }

  /**
   * A new array of bytes.
   *
   * @param length How many, from 0.
   * @throws {TypeError | RangeError} It is no such number.
   */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    checkInteger("length", length, 0);
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.#bits();
    return new Uint8Array(words.buffer, 0, length);
  }

  /** Another source, seeded by this one: drawing from it changes nothing here. */
  fork(): Random {
    return new Random(this.#bits() * 0x100000 + (this.#bits() >>> 12));
  }

  #bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }
}

function refuseChance(value: unknown): never {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError(`probability must be a number: got ${shown(value)}`);
  }
  throw new RangeError(`probability must be from 0 to 1: got ${value}`);
}

/** Checks a source of numbers that was passed. */
export function checkRandom(random: Random): Random {
  return checkMethods("random", random, "next", "chance", "pick");
}
