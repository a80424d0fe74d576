// How fast one direction of a connection may go: a token bucket, kept as a single number, the time at which the next
// bytes may move. Nothing is dropped: what is too early waits. Bytes move in pieces of a tenth of a second's worth, so
// that a slow pace is a slow stream, and not a burst and a long pause.

import type { Clock } from "../network/network.ts";

const SECOND_IN_MILLIS = 1_000;
/** How much of what was not used may be used later: timers are late. */
const SAVED_IN_MILLIS = 100;

/** Whose pace it is. */
export interface PaceHost {
  readonly clock: Clock;
  /** Asks for a call of {@linkcode Pace.look} at that time or earlier. */
  lookBy(due: number): void;
}

/** The pace of one direction. */
export class Pace {
  /** How many bytes may move at once. */
  readonly most: number;
  readonly #host: PaceHost;
  readonly #millisPerByte: number;
  #freeAt = -Infinity;
  #goOn: (() => void) | undefined;
  #isReleased = false;

  /** @param bytesPerSecond At least 1. @param host Whose it is. */
  constructor(bytesPerSecond: number, host: PaceHost) {
    this.#host = host;
    this.#millisPerByte = SECOND_IN_MILLIS / bytesPerSecond;
    this.most = Math.max(1, Math.floor(bytesPerSecond * SAVED_IN_MILLIS / SECOND_IN_MILLIS));
  }

  /** Whether somebody waits for his time. */
  get isHolding(): boolean {
    return this.#goOn !== undefined;
  }

  /** When he may go on. */
  get due(): number {
    return this.isHolding ? this.#freeAt : Infinity;
  }

  /** Whether bytes may move now. @param goOn Called when they may, where it is too early. */
  mayGo(goOn: () => void): boolean {
    if (this.#isReleased || this.#host.clock.now() >= this.#freeAt) return true;
    this.#goOn = goOn;
    this.#host.lookBy(this.#freeAt);
    return false;
  }

  /** Bytes have moved. */
  took(length: number): void {
    const saved = this.#host.clock.now() - SAVED_IN_MILLIS;
    this.#freeAt = Math.max(this.#freeAt, saved) + length * this.#millisPerByte;
  }

  /** Lets go on whose time it is. */
  look(now: number): void {
    if (this.due <= now) this.#letGo();
  }

  /** From now on nothing is held back. */
  release(): void {
    this.#isReleased = true;
    this.#letGo();
  }

  #letGo(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }
}

/** How fast the directions may go. */
export interface PaceLimits {
  /** How many bytes are read per second, `Infinity` for any. */
  readonly maxBytesReadPerSecond: number;
  /** How many are written. */
  readonly maxBytesWrittenPerSecond: number;
}

/** The paces of one connection. */
export class Paces {
  readonly read: Pace | undefined;
  readonly write: Pace | undefined;

  private constructor(limits: PaceLimits, host: PaceHost) {
    const paceOf = (most: number) => most === Infinity ? undefined : new Pace(most, host);
    this.read = paceOf(limits.maxBytesReadPerSecond);
    this.write = paceOf(limits.maxBytesWrittenPerSecond);
  }

  /** Those of a connection; `undefined` where it has none, as most. */
  static of(limits: PaceLimits, host: PaceHost): Paces | undefined {
    const { maxBytesReadPerSecond, maxBytesWrittenPerSecond } = limits;
    const isFree = maxBytesReadPerSecond === Infinity && maxBytesWrittenPerSecond === Infinity;
    return isFree ? undefined : new Paces(limits, host);
  }

  /** When somebody may go on. */
  get due(): number {
    return Math.min(this.read?.due ?? Infinity, this.write?.due ?? Infinity);
  }

  /** Lets go on whose time it is. */
  look(now: number): void {
    this.read?.look(now);
    this.write?.look(now);
  }
}
