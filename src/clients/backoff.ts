// When to try again after a failure: full jitter. Each rest is drawn from the whole interval, so that clients that lost
// their server at one moment do not come back at one moment.

import {
  checkFunction,
  checkInteger,
  checkInterval,
  checkLimit,
  shown,
} from "../base/arguments.ts";
import { codeOf, isA, isSocketError } from "../base/errors.ts";
import { optionNames } from "../base/options.ts";
import { printThrown, refusePromise } from "../base/user_code.ts";
import { isOfProxy } from "../via/proxy_answer.ts";

/** When to dial again. */
export interface RedialConfig {
  /**
   * The longest pause before the first redial, in milliseconds. Each pause has a random length from nothing to its
   * longest, which doubles with each failure in a row, or with each round where there are several targets. From 1 to
   * 86_400_000.
   *
   * @default {100}
   */
  readonly redialDelayInMillis?: number;
  /**
   * The longest pause of all, in milliseconds, at least `redialDelayInMillis`. Up to 86_400_000.
   *
   * @default 30_000, or `redialDelayInMillis` if that is longer
   */
  readonly maxRedialDelayInMillis?: number;
  /**
   * After how many failures in a row it gives up, an integer from 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxAttempts?: number;
  /**
   * How long a connection must have lasted to count as a success, in milliseconds. One that ends earlier counts as a
   * failure, so that a server that accepts and closes is not dialled again at once; one that `redial` replaces earlier
   * makes the next pause longer, too, but is no failure. From 1, or `Infinity`.
   *
   * @default {10_000}
   */
  readonly stableAfterInMillis?: number;
  /**
   * Gives the numbers by which pauses are drawn, from 0 to 1, without 1.
   *
   * @default {Math.random}
   */
  readonly random?: () => number;
}

/** The fields of a {@linkcode RedialConfig}. */
export const REDIAL_OPTIONS = optionNames<RedialConfig>({
  redialDelayInMillis: true,
  maxRedialDelayInMillis: true,
  maxAttempts: true,
  stableAfterInMillis: true,
  random: true,
});

/** A checked {@linkcode RedialConfig}. */
export type RedialSettings = Required<RedialConfig>;

/**
 * Checks when to dial again.
 *
 * @throws {TypeError | RangeError} A field is wrong.
 */
export function checkRedial(config: RedialConfig): RedialSettings {
  const {
    redialDelayInMillis = 100,
    maxAttempts = Infinity,
    stableAfterInMillis = 10_000,
    random = Math.random,
  } = config;
  checkInteger("redialDelayInMillis", redialDelayInMillis, 1, LONGEST);
  const { maxRedialDelayInMillis = Math.max(30_000, redialDelayInMillis) } = config;
  checkInteger("maxRedialDelayInMillis", maxRedialDelayInMillis, redialDelayInMillis, LONGEST);
  return Object.freeze({
    redialDelayInMillis,
    maxRedialDelayInMillis,
    maxAttempts: checkLimit("maxAttempts", maxAttempts),
    stableAfterInMillis: checkInterval("stableAfterInMillis", stableAfterInMillis),
    random: checkFunction("random", random),
  });
}

/** A day: whoever rests longer has given up. */
const LONGEST = 86_400_000;

/** Counts failures in a row, and draws rests. */
export class Backoff {
  readonly #settings: RedialSettings;
  readonly #perRound: number;
  #failures = 0;
  /** How many connections in a row their user has replaced soon: no failures, but the next ones are not dialled at once. */
  #replaced = 0;

  /** @param settings How long. @param perRound After how many failures rests grow. */
  constructor(settings: RedialSettings, perRound = 1) {
    this.#settings = settings;
    this.#perRound = perRound;
  }

  /** How many failures there were in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether it was tried often enough. */
  get isExhausted(): boolean {
    return this.#failures >= this.#settings.maxAttempts;
  }

  /** Something failed. */
  onFailure(): void {
    this.#failures++;
  }

  /** A connection has ended after so much time. @param isReplaced Whether its user wanted another one. */
  onEnd(livedInMillis: number, isReplaced: boolean): void {
    if (livedInMillis >= this.#settings.stableAfterInMillis) this.onSuccess();
    else if (isReplaced) this.#replaced++;
    else this.#failures++;
  }

  /** A connection is known to be good. */
  onSuccess(): void {
    this.#failures = this.#replaced = 0;
  }

  /** Draws the length of the next rest. */
  nextInMillis(): number {
    const { redialDelayInMillis, maxRedialDelayInMillis } = this.#settings;
    const inARow = this.#failures + this.#replaced;
    const doublings = Math.floor(Math.max(0, inARow - 1) / this.#perRound);
    const longest = Math.min(redialDelayInMillis * 2 ** doublings, maxRedialDelayInMillis);
    return draw(this.#settings.random) * longest;
  }

  /** Puts things into a random order. */
  shuffled<T>(things: readonly T[]): T[] {
    const all = [...things];
    for (let i = all.length - 1; i > 0; i--) {
      const j = Math.floor(draw(this.#settings.random) * (i + 1));
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    return all;
  }
}

/** A number from 0 to 1, without 1, whatever the user's function does. */
function draw(random: () => number): number {
  try {
    const number: unknown = random();
    refusePromise("random", number);
    if (typeof number === "number" && number >= 0 && number < 1) return number;
    throw new RangeError(`random must give a number from 0 to 1, without 1: got ${shown(number)}`);
  } catch (thrown) {
    printThrown(thrown);
    return Math.random();
  }
}

/**
 * Whether trying again cannot help: a mistake of the programmer, no permission, no such thing here. What a proxy or the
 * system refuses now (a route that prohibits it), it or another one may allow later.
 */
export function isFinal(error: unknown): boolean {
  if (!isSocketError(error)) return true;
  const code = codeOf(error);
  if (code === "denied") {
    return !isOfProxy(error) && !isA(Deno.errors.PermissionDenied, error.cause);
  }
  return code === "unsupported";
}
