// What a test double does next, one step after the other.

import { checkChoice, MAX_INTERVAL_IN_MILLIS, shown } from "../src/base/arguments.ts";
import { readList } from "../src/base/options.ts";
import { isThenable } from "../src/base/user_code.ts";
import type { Clock } from "../src/network/network.ts";

/** A step of a script that is not content. Made by the functions `end()` to `until()`. */
export class Step {
  /** What happens. */
  readonly kind: "end" | "silence" | "fail" | "pause" | "until";
  /** Its detail: the error, the delay in milliseconds, or the event. */
  readonly detail: unknown;

  /**
   * Makes a step; prefer the functions.
   *
   * @param kind What happens.
   * @param detail With what.
   * @throws {TypeError | RangeError} There is no such step, or it does not go with that.
   */
  constructor(kind: Step["kind"], detail?: unknown) {
    this.kind = checkChoice("kind", kind, ["end", "silence", "fail", "pause", "until"]);
    if (kind === "pause") checkPause(detail);
    if (kind === "until") checkEvent(detail);
    this.detail = detail;
  }
}

function checkPause(value: unknown): void {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError(`delayInMillis must be a number: got ${shown(value)}`);
  }
  if (value < 0 || value > MAX_INTERVAL_IN_MILLIS) {
    const range = `from 0 to ${MAX_INTERVAL_IN_MILLIS}`;
    throw new RangeError(`delayInMillis must be ${range}: got ${value}`);
  }
}

function checkEvent(value: unknown): void {
  if (isThenable(value)) return;
  throw new TypeError(`event must be a promise: got ${shown(value)}`);
}

/** The peer ends its direction: reads give `null` from now on. */
export function end(): Step {
  return new Step("end");
}

/** Nothing arrives until more is said, or the test double is closed. */
export function silence(): Step {
  return new Step("silence");
}

/**
 * The call rejects; the one after it gets the next step.
 *
 * @param error The reason.
 */
export function fail(error: unknown): Step {
  return new Step("fail", error);
}

/** The peer resets the stream: the call rejects with `Deno.errors.ConnectionReset`. */
export function reset(): Step {
  return fail(new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"));
}

/** The peer takes no bytes any more: the call rejects with `Deno.errors.BrokenPipe`. */
export function broken(): Step {
  return fail(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"));
}

/** The system is out of descriptors: the call rejects with a plain `Error` whose code is `"EMFILE"`. */
export function outOfDescriptors(): Step {
  const error = new Error("Too many open files (os error 24)");
  return fail(Object.assign(error, { code: "EMFILE" }));
}

/**
 * The next step comes later.
 *
 * @param delayInMillis How much, on the clock that goes with the script, from 0 to 2_147_483_647.
 * @throws {TypeError | RangeError} It is not that.
 */
export function pause(delayInMillis: number): Step {
  return new Step("pause", delayInMillis);
}

/**
 * The next step comes after an event.
 *
 * @param event Resolves when it happens.
 * @throws {TypeError} It is no promise.
 */
export function until(event: Promise<unknown>): Step {
  return new Step("until", event);
}

/** What {@linkcode Script.next} gives at the end of a script. */
export const END: unique symbol = Symbol("end of script");

/** Plays steps to one caller at a time. */
export class Script<Item> {
  readonly #check: (item: Item) => void;
  readonly #clock: Clock;
  readonly #steps: (Item | Step)[];
  readonly #stopped: PromiseWithResolvers<never> = Promise.withResolvers();
  #more: PromiseWithResolvers<void> = Promise.withResolvers();

  /**
   * @param steps Content, and what happens between.
   * @param clock What pauses go by.
   * @param name What the steps are, for the message.
   * @param check Throws where content is of the wrong kind.
   * @throws {TypeError} The steps are no array, or what `check` throws.
   */
  constructor(
    steps: readonly (Item | Step)[],
    clock: Clock,
    name: string,
    check: (item: Item) => void,
  ) {
    this.#check = check;
    this.#steps = [...readList(name, steps) as readonly (Item | Step)[]];
    this.#checkAll(this.#steps);
    this.#clock = clock;
    this.#stopped.promise.catch(() => {}); // No call may be pending when it stops.
  }

  /** Adds steps at the end; a silence that is there ends. */
  say(...steps: (Item | Step)[]): void {
    this.#checkAll(steps);
    const last = this.#steps.at(-1);
    if (last instanceof Step && last.kind === "silence") this.#steps.pop();
    this.#steps.push(...steps);
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  #checkAll(steps: readonly (Item | Step)[]): void {
    for (const step of steps) if (!(step instanceof Step)) this.#check(step);
  }

  /** Puts content back at the front. */
  putBack(item: Item): void {
    this.#steps.unshift(item);
  }

  /**
   * Plays up to the next content.
   *
   * @returns It, or `END` at the end of the script, again and again.
   * @throws {unknown} What a failing step says, or what {@linkcode Script.stop} was given.
   */
  async next(): Promise<Item | typeof END> {
    for (;;) {
      const item = this.now();
      if (item !== undefined) return item;
      await this.#waited();
    }
  }

  /** What {@linkcode Script.next} gives or throws where it has not to wait; `undefined` where it has. */
  now(): Item | typeof END | undefined {
    const step = this.#steps[0];
    if (step === undefined) return END;
    if (!(step instanceof Step)) return this.#steps.shift() as Item;
    if (step.kind === "end") return END;
    if (step.kind !== "fail") return undefined;
    this.#steps.shift();
    throw step.detail;
  }

  /** Waits until {@linkcode Script.now} does not give `undefined` any more; rejects when it was stopped. */
  async ready(): Promise<void> {
    const waits = ["silence", "pause", "until"];
    for (;;) {
      const step = this.#steps[0];
      if (!(step instanceof Step) || !waits.includes(step.kind)) return;
      await this.#waited();
    }
  }

  /** Waits for the end of the first step. */
  async #waited(): Promise<void> {
    const { kind, detail } = this.#steps[0] as Step;
    if (kind === "silence") {
      await this.#wait(this.#more.promise);
      return;
    }
    if (kind === "pause") await this.#pause(detail as number);
    else await this.#wait(detail as Promise<unknown>);
    this.#steps.shift();
  }

  /** Ends the wait under way, and every later one. */
  stop(error: unknown): void {
    this.#stopped.reject(error);
  }

  #wait(event: Promise<unknown>): Promise<unknown> {
    return Promise.race([event, this.#stopped.promise]);
  }

  async #pause(delayInMillis: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const id = this.#clock.setTimeout(resolve, delayInMillis);
    try {
      await this.#wait(promise);
    } finally {
      this.#clock.clearTimeout(id);
    }
  }
}
