// How fast one direction of a connection may go: a token bucket, kept as a single number, the time at which the next
// bytes may move. Nothing is dropped: bytes that are too early wait. Bytes move in pieces of a tenth of a second's
// worth, so that a slow pace is a slow stream, and not a burst and a long pause.

import type { Clock } from "../network/network.ts";

const SECOND_IN_MILLIS = 1_000;
/** How much unused time may be used later: timers are late. */
const SAVED_IN_MILLIS = 100;

/** The connection that the pace belongs to. */
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

  /** @param bytesPerSecond At least 1. @param host Its connection. */
  constructor(bytesPerSecond: number, host: PaceHost) {
    this.#host = host;
    this.#millisPerByte = SECOND_IN_MILLIS / bytesPerSecond;
    this.most = Math.max(1, Math.floor(bytesPerSecond * SAVED_IN_MILLIS / SECOND_IN_MILLIS));
  }

  /** Whether something waits for its time. */
  get isHolding(): boolean {
    return this.#goOn !== undefined;
  }

  /** When it may go on. */
  get due(): number {
    return this.isHolding ? this.#freeAt : Infinity;
  }

  /** Whether bytes may move now. @param goOn Called once they may, if it is too early. */
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

  /** Lets what waits go on, if it is time. */
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
  /** How many bytes are read per second, or `Infinity`. */
  readonly maxBytesReadPerSecond: number;
  /** How many bytes are written per second, or `Infinity`. */
  readonly maxBytesWrittenPerSecond: number;
}

/** The paces of one connection. */
export class Paces {
  readonly read: Pace | undefined;
  readonly write: Pace | undefined;
  #heldAt = -Infinity;

  private constructor(limits: PaceLimits, host: PaceHost) {
    const paceOf = (most: number) => most === Infinity ? undefined : new Pace(most, host);
    this.read = paceOf(limits.maxBytesReadPerSecond);
    this.write = paceOf(limits.maxBytesWrittenPerSecond);
  }

  /** The paces of a connection; `undefined` if it has none, as for most. */
  static of(limits: PaceLimits, host: PaceHost): Paces | undefined {
    const { maxBytesReadPerSecond, maxBytesWrittenPerSecond } = limits;
    const isFree = maxBytesReadPerSecond === Infinity && maxBytesWrittenPerSecond === Infinity;
    return isFree ? undefined : new Paces(limits, host);
  }

  /** When something may go on. */
  get due(): number {
    return Math.min(this.read?.due ?? Infinity, this.write?.due ?? Infinity);
  }

  /** Lets what waits go on, if it is time. */
  look(now: number): void {
    if (this.isHolding) this.#heldAt = now;
    this.read?.look(now);
    this.write?.look(now);
  }

  /** Whether something waits for its time. */
  get isHolding(): boolean {
    return this.read?.isHolding === true || this.write?.isHolding === true;
  }

  /** When something was held back last: that nothing moved until then is no fault of a peer. */
  heldAt(now: number): number {
    return this.isHolding ? now : this.#heldAt;
  }
}
