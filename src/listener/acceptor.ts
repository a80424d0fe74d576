// Accepts without end: bad clients and a full system do not stop it.
//
// A naive accept loop ends when one client resets its connection before it was accepted, or when the process runs out
// of descriptors. Both are temporary: the first passes at once, the second when connections end.

import { brokenError, ignore, isResourceError } from "../base/errors.ts";
import { isThenable, noteShortage } from "../base/user_code.ts";
import { freeListener } from "../network/free.ts";
import { checkMade } from "../network/made.ts";
import type { Clock, TimerId, Transport, TransportListener } from "../network/network.ts";

const SHORTEST_REST_IN_MILLIS = 5;
const LONGEST_REST_IN_MILLIS = 1_000;

/** Hands out the transports of one bound listener, one at a time. */
export class Acceptor {
  readonly #listener: TransportListener;
  readonly #clock: Clock;
  #isClosed = false;
  /** Not any more where the engine's `tryAccept` gives promises: each might have a client. */
  #canTry: boolean;
  /** Whether the system has refused a descriptor, and has not given one since. */
  #isShort = false;
  #pending: Promise<Transport | undefined> | undefined;
  #hindrance: { readonly error: unknown } | undefined;
  #restInMillis = SHORTEST_REST_IN_MILLIS;
  #wake: (() => void) | undefined;
  #resting: Promise<void> | undefined;
  #rests = 0;
  readonly #onRest: ((error: unknown, restInMillis: number) => void) | undefined;

  /**
   * @param listener What it accepts from, and frees.
   * @param clock The time for rests.
   * @param onRest Called when it rests.
   */
  constructor(
    listener: TransportListener,
    clock: Clock,
    onRest?: (error: unknown, restInMillis: number) => void,
  ) {
    this.#onRest = onRest;
    this.#listener = listener;
    this.#canTry = listener.tryAccept !== undefined;
    this.#clock = clock;
  }

  /**
   * Waits for the next transport. Must not be called again before it has settled.
   *
   * @returns The transport, or `undefined` after {@linkcode Acceptor.close}.
   * @throws {SocketError} An error that ends accepting for good.
   */
  accept(): Promise<Transport | undefined> {
    return this.#pending ??= this.#accept();
  }

  /**
   * Takes the next transport if the engine can do that without a promise, and nothing has to be waited for. Not to be
   * called while {@linkcode Acceptor.accept} is under way. What hinders it is for the next `accept` to deal with.
   */
  tryAccept(): Transport | undefined {
    if (!this.#canTry || this.#isClosed || this.#hindrance !== undefined) return undefined;
    try {
      const transport = this.#listener.tryAccept!();
      if (transport === undefined) return undefined;
      this.#canTry = !isThenable(transport);
      checkMade("Transport", transport);
      this.#onAccepted();
      return transport;
    } catch (error) {
      this.#hindrance = { error };
      return undefined;
    }
  }

  /** The rest after a failure, while it lasts. */
  get resting(): Promise<void> | undefined {
    return this.#resting;
  }

  /** How many times it has rested. */
  get rests(): number {
    return this.#rests;
  }

  /** Stops accepting and frees the listener: the port is free when it resolves. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#setShort(false);
    freeListener(this.#listener);
    this.#wake?.();
    // The system gives the port back only when the pending accept has ended.
    await this.#pending?.catch(ignore);
  }

  async #accept(): Promise<Transport | undefined> {
    try {
      while (!this.#isClosed) {
        try {
          this.#throwHindrance();
          const transport = checkMade("Transport", await this.#listener.accept());
          this.#onAccepted();
          return transport;
        } catch (error) {
          if (this.#isClosed) break;
          if (isFinal(error)) throw brokenError("Cannot accept", error);
          if (!isClientsDoing(error)) await this.#rest(error);
        }
      }
      return undefined;
    } finally {
      this.#pending = undefined;
    }
  }

  #onAccepted(): void {
    this.#restInMillis = SHORTEST_REST_IN_MILLIS;
    if (this.#isShort) this.#setShort(false);
  }

  #setShort(isShort: boolean): void {
    if (isShort === this.#isShort) return;
    this.#isShort = isShort;
    noteShortage(isShort);
  }

  /** What an attempt without a promise has met. */
  #throwHindrance(): void {
    const hindrance = this.#hindrance;
    this.#hindrance = undefined;
    if (hindrance !== undefined) throw hindrance.error;
  }

  /** Out of descriptors, or something unknown: it may pass, but not if accepting is tried again at once. */
  async #rest(error: unknown): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    this.#resting = promise;
    this.#rests++;
    if (isResourceError(error)) this.#setShort(true);
    this.#onRest?.(error, this.#restInMillis);
    const timer: TimerId = this.#clock.setTimeout(resolve, this.#restInMillis);
    this.#restInMillis = Math.min(this.#restInMillis * 2, LONGEST_REST_IN_MILLIS);
    await promise;
    this.#wake = this.#resting = undefined;
    this.#clock.clearTimeout(timer);
  }
}

/** The listening socket itself is gone. */
function isFinal(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}

/** A client went away before it was accepted, or has a name that Deno cannot read: a path that is no UTF-8. */
function isClientsDoing(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.InvalidData;
}
