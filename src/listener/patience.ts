// How long a stop waits: for what is to end by itself, and before that for what is still to come.

import { settledSoon, USUALLY_LATE_IN_MILLIS, whenLooked } from "../network/deadline.ts";
import type { Clock, TimerId } from "../network/network.ts";

/** So long, at most, may what is over after a deadline that came late take until it is seen: answers, ends, a drain. */
const MOMENT_IN_MILLIS = 100;

/** How long a stop under way goes on waiting for connections that will end by themselves. */
export class Patience {
  /** Whether somebody gets a report: then what is left is named, though it was ended. */
  isReported = false;
  /** How long it was to last when it began. */
  readonly deadlineInMillis: number;
  readonly #over = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #clock: Clock;
  #timer: TimerId | undefined;
  #due = Infinity;
  #isOver = false;
  #isEnded = false;
  #isHurried = false;

  /** @param clock The time for it. @param deadlineInMillis How long it lasts, or `Infinity`. */
  constructor(clock: Clock, deadlineInMillis: number) {
    this.#clock = clock;
    this.deadlineInMillis = deadlineInMillis;
    this.endIn(deadlineInMillis);
  }

  /** Lets it last so long from now, if it does not end earlier anyway. */
  endIn(millis: number): void {
    const clock = this.#clock;
    const due = clock.now() + millis;
    if (this.#isOver || due >= this.#due) return;
    this.#due = due;
    this.#forget();
    this.#timer = clock.setTimeout(() => this.#onDue(clock.now() - due), millis);
  }

  /** The program itself may have used up the time: what is over by now shall not be cut. */
  #onDue(lateInMillis: number): void {
    const clock = this.#clock;
    const giveUp = () => {
      const looked = new Promise<void>((resolve) => whenLooked(clock, resolve));
      void settledSoon(clock, looked).then(() => this.#giveUp());
    };
    if (clock.looked === undefined || lateInMillis < USUALLY_LATE_IN_MILLIS) return giveUp();
    this.#timer = clock.setTimeout(giveUp, Math.min(lateInMillis, MOMENT_IN_MILLIS));
  }

  /** Whether it is over, by its deadline or because it was ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it was ended, and nobody asks for what is left: then not even a moment is waited for. */
  get isEnded(): boolean {
    return this.#isEnded && !this.isReported;
  }

  /** Why what is left now is cut: its deadline, or a stop that was hurried before that. */
  get reason(): "deadline" | "hurried" {
    return this.#isHurried ? "hurried" : "deadline";
  }

  /** Ends it, and frees its timer. */
  end(): void {
    this.#isHurried ||= !this.#isOver;
    this.#forget();
    this.#giveUp();
    this.#isEnded = true;
    this.#ended.resolve();
  }

  #giveUp(): void {
    this.#isOver = true;
    this.#over.resolve();
  }

  #forget(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Waits until it is over. */
  async over(): Promise<void> {
    await this.#over.promise;
  }

  /** Waits for something, or until it is over. */
  async for(something: Promise<unknown>): Promise<void> {
    if (!this.#isOver) await Promise.race([something, this.#over.promise]);
  }

  /** Waits for something that takes a moment, or until {@linkcode Patience.isEnded}. */
  async forMoment(something: Promise<unknown>): Promise<void> {
    if (this.isReported) return await this.forLast(something);
    if (!this.#isEnded) await this.forLast(Promise.race([something, this.#ended.promise]));
  }

  /** Waits for what a network has to do in any case; from when it is over, for a second at most. */
  async forLast(something: Promise<unknown>): Promise<void> {
    let isWaiting = true;
    const late = this.#over.promise.then(async () => {
      if (isWaiting) await settledSoon(this.#clock, something);
    });
    await Promise.race([something, late]);
    isWaiting = false;
  }
}

/** The time in which a stop that was asked for still lets everything go on. It ends once, for any reason. */
export class Grace {
  readonly #over = Promise.withResolvers<void>();
  readonly #clock: Clock;
  #timer: TimerId | undefined;
  #due = Infinity;
  #isOver = false;

  /** @param clock The time for it. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Lets it last so long from now, if it does not end earlier anyway. */
  endIn(millis: number): void {
    if (millis === 0) return this.end();
    const due = this.#clock.now() + millis;
    if (this.#isOver || due >= this.#due) return;
    this.#due = due;
    this.#forget();
    this.#timer = this.#clock.setTimeout(() => this.end(), millis);
  }

  /** Ends it. */
  end(): void {
    this.#isOver = true;
    this.#forget();
    this.#over.resolve();
  }

  /** Waits for its end. */
  async over(): Promise<void> {
    if (!this.#isOver) await this.#over.promise;
  }

  #forget(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
