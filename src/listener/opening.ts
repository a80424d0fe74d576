// An opening that a stop may give up: a name may be looked up for long.

import { GenericError, ignore } from "../base/errors.ts";
import type { Clock } from "../network/network.ts";
import { Patience } from "./patience.ts";

/** How long an opening may take that a stop is to end at once: mostly it is over in a moment. */
const MOMENT_IN_MILLIS = 1_000;

/** An opening under way. */
export class Opening {
  readonly #clock: Clock;
  readonly #begun = Promise.withResolvers<void>();
  readonly #givenUp = Promise.withResolvers<never>();
  readonly #hurried = Promise.withResolvers<void>();
  #longestInMillis = Infinity;
  #patience: Patience | undefined;
  #isHurried = false;
  #isGivenUp = false;

  /** @param clock The time that it goes by. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#givenUp.promise.catch(ignore);
  }

  /** Whether nobody wants it any more: what it opens late is to be shut at once. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Settles as the opening does, or rejects with `"closed"` when it is given up. */
  result(opened: Promise<void>): Promise<void> {
    return Promise.race([opened, this.#givenUp.promise]);
  }

  /** Its turn has come: what it waited for before has a time of its own. */
  begin(): void {
    this.#begun.resolve();
  }

  /** From now on it is waited for a moment only. */
  hurry(): void {
    this.#isHurried = true;
    this.#hurried.resolve();
  }

  /** From now on it is waited for no longer than that; once it has begun, counted from now. */
  endIn(millis: number): void {
    this.#longestInMillis = Math.min(this.#longestInMillis, millis);
    this.#patience?.endIn(millis);
  }

  /** Waits until it is open, or has failed; that time after it has begun it is given up. */
  async wait(opened: Promise<void>, timeoutInMillis: number): Promise<void> {
    this.endIn(timeoutInMillis);
    let isSettled = false;
    const settled = opened.catch(ignore).then(() => isSettled = true);
    await Promise.race([settled, this.#begun.promise]);
    await this.#within(this.#longestInMillis, Promise.race([settled, this.#hurried.promise]));
    if (this.#isHurried) {
      await this.#within(Math.min(this.#longestInMillis, MOMENT_IN_MILLIS), settled);
    }
    if (isSettled) return;
    this.#isGivenUp = true;
    this.#givenUp.reject(new GenericError("closed", "Cannot start: stopped meanwhile"));
  }

  async #within(timeoutInMillis: number, something: Promise<unknown>): Promise<void> {
    const patience = this.#patience = new Patience(this.#clock, timeoutInMillis);
    await patience.for(something);
    patience.end();
  }
}
