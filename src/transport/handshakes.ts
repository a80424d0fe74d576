// Shakes hands with everybody who was accepted, many at a time: a slow or failing handshake never holds up
// accepting. Its face is that of what it stands on, so it fits over an acceptor and over a guard's door.
//
//   source.accept() --> handshakes under way (limited) --> agreed --> accept()
//                                \--> refused: counted and told
//
// Nothing is accepted while nobody waits: the system's backlog does.

import { Bag, type Placed } from "../bag.ts";
import { GenericError, type SocketError } from "../errors.ts";
import type { Clock, TimerId } from "../network.ts";

/** How long a handshake may take before it makes room for another one, when there are too many. */
const GRACE_IN_MILLIS = 1_000;

/** What a listener has to do with handshakes. */
export interface HandshakeCounts {
  /** How many are under way. */
  readonly underWay: number;
  /** How many have succeeded so far. */
  readonly completed: number;
  /** How many have failed so far. */
  readonly failed: number;
}

/** What accepts: an acceptor, or what stands on one. */
export interface Source<T> {
  /** Waits for the next one; `undefined` after `close`. Not to be called again before it has settled. */
  accept(): Promise<T | undefined>;
  /** Takes one back that nobody wants now. */
  putBack(item: T): void;
  /** Stops. Resolves, when the port is free, with how many were accepted and never taken. */
  close(): Promise<number>;
}

/** How a handshake is made, and how many. */
export interface HandshakeOptions<T> {
  /** The time they go by. */
  readonly clock: Clock;
  /** How many may be under way. */
  readonly maxHandshakes: number;
  /** Makes one secure, or frees it and rejects; aborts with the signal. */
  readonly shake: (item: T, signal: AbortSignal) => Promise<T>;
  /** Frees one on which both ends have agreed, and which nobody will take. */
  readonly discard: (item: T) => void;
  /** Told of each that failed. */
  readonly onFailed: (error: SocketError, item: T) => void;
}

/** One that is under way. */
interface Handshake extends Placed {
  /** Gives it up. */
  readonly controller: AbortController;
  /** When it was begun. */
  readonly begun: number;
}

/** Hands out those that both ends have agreed on, one at a time. */
export class Handshakes<T> implements Source<T> {
  readonly #source: Source<T>;
  readonly #options: HandshakeOptions<T>;
  readonly #underWay = new Bag<Handshake>((handshake) => handshake);
  /** Those agreed on that nobody has waited for. */
  readonly #agreed: T[] = [];
  #completed = 0;
  #failed = 0;
  #isAccepting = false;
  /** Accepted, and waits for room. */
  #next: { readonly item: T } | undefined;
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #timer: TimerId | undefined;

  /** @param source What it accepts from, and closes. @param options How. */
  constructor(source: Source<T>, options: HandshakeOptions<T>) {
    this.#source = source;
    this.#options = options;
  }

  /** How handshakes go. */
  get counts(): HandshakeCounts {
    return { underWay: this.#underWay.size, completed: this.#completed, failed: this.#failed };
  }

  /**
   * Waits for the next on which both ends have agreed.
   *
   * @returns It, or `undefined` after {@linkcode Handshakes.close}.
   * @throws {unknown} What ends accepting for good.
   */
  async accept(): Promise<T | undefined> {
    while (!this.#isClosed) {
      if (this.#agreed.length > 0) return this.#agreed.shift();
      if (this.#failure !== undefined) throw this.#failure.error;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#acceptMore();
      await promise;
    }
    return undefined;
  }

  /** Takes one back that nobody wants now; the next accept gives it out. */
  putBack(item: T): void {
    if (this.#isClosed) this.#options.discard(item);
    else this.#agreed.unshift(item);
  }

  /**
   * Stops accepting and gives up the handshakes under way.
   *
   * @returns How many were accepted and never taken.
   */
  async close(): Promise<number> {
    if (this.#isClosed) return 0;
    this.#isClosed = true;
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    const next = this.#next === undefined ? [] : [this.#next.item];
    this.#next = undefined;
    const neverTaken = this.#underWay.size + this.#agreed.length + next.length;
    for (const { controller } of this.#underWay) {
      controller.abort(new GenericError("closed", "The listener was stopped"));
    }
    for (const item of [...next, ...this.#agreed.splice(0)]) this.#options.discard(item);
    this.#tellWaiter();
    return neverTaken + await this.#source.close();
  }

  #tellWaiter(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Accepts the next, if somebody waits. */
  #acceptMore(): void {
    if (this.#wake === undefined || this.#isAccepting || this.#isClosed) return;
    if (this.#next !== undefined) return;
    this.#isAccepting = true;
    this.#source.accept().then((item) => {
      this.#isAccepting = false;
      if (item === undefined) return;
      // Somebody who was agreed with meanwhile was taken instead.
      if (this.#wake === undefined || this.#isClosed) return this.#source.putBack(item);
      this.#next = { item };
      this.#beginNext();
    }, (error) => {
      this.#isAccepting = false;
      this.#failure = { error };
      this.#tellWaiter();
    });
  }

  /** Begins the next handshake, if there is room, and accepts another. */
  #beginNext(): void {
    const next = this.#next;
    if (next !== undefined && this.#makeRoom()) {
      this.#next = undefined;
      void this.#begin(next.item);
    }
    this.#acceptMore();
  }

  /**
   * Whether another handshake may begin. A rush of honest clients waits; one that has taken a second belongs
   * to somebody who is slow or does not mean it, and the oldest of those goes.
   */
  #makeRoom(): boolean {
    const { clock, maxHandshakes } = this.#options;
    if (this.#underWay.size < maxHandshakes) return true;
    const oldest = oldestOf(this.#underWay);
    const age = clock.now() - oldest.begun;
    if (age >= GRACE_IN_MILLIS) {
      this.#underWay.delete(oldest);
      oldest.controller.abort(
        new GenericError(
          "limit",
          `Handshake given up after ${Math.round(age)} ms: ${maxHandshakes} were under way`,
        ),
      );
      return true;
    }
    this.#timer ??= clock.setTimeout(() => {
      this.#timer = undefined;
      this.#beginNext();
    }, Math.ceil(GRACE_IN_MILLIS - age));
    return false;
  }

  async #begin(item: T): Promise<void> {
    const { clock, shake, discard, onFailed } = this.#options;
    const handshake: Handshake = {
      controller: new AbortController(),
      begun: clock.now(),
      place: -1,
    };
    this.#underWay.add(handshake);
    try {
      const agreed = await shake(item, handshake.controller.signal);
      this.#completed++;
      if (this.#isClosed) return discard(agreed);
      this.#agreed.push(agreed);
      this.#tellWaiter();
    } catch (error) {
      this.#failed++;
      if (!this.#isClosed) onFailed(error as SocketError, item);
    } finally {
      this.#underWay.delete(handshake);
      this.#beginNext();
    }
  }
}

function oldestOf(handshakes: Bag<Handshake>): Handshake {
  return handshakes[Symbol.iterator]()
    .reduce((oldest, it) => it.begun < oldest.begun ? it : oldest);
}
