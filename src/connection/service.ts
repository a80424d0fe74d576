// The callback face: a loop over the pull face, one per connection.
//
//   onConnect --> (bytes or the end can be read --> onReadReady)* --> onError? --> onClose --> closed
//
// Invariants: calls of one connection never overlap; a call that read nothing is not repeated until more has
// come; a handler's exception ends its own connection only. How it ends: the call under way settles, onError
// (at most once), the socket is freed and leaves its listener, onClose, then `closed` resolves.

import { type Connection, duplexOf } from "./connection.ts";
import type { Attendant, Duplex } from "./duplex.ts";
import {
  codeOf,
  GenericError,
  isError,
  isReadTimeout,
  isSocketError,
  type SocketError,
} from "../base/errors.ts";
import type { Wait } from "./reader.ts";
import { methodsOf } from "../base/service_methods.ts";
import { attempt, handlerError, isThenable, printThrown } from "../base/user_code.ts";

/** A connection that a listener hands to your service. */
export type Caller = Connection;

/**
 * What is called for a connection; at least one method. The methods are read once, when the service is attached.
 * Calls of one connection never overlap, and `this` is the service. Any method may be async: the next call waits
 * for it. A method must not await its own connection's `closed` or its listener's `gracefulStop`, which wait for
 * the method.
 *
 * A method that throws ends its connection, after `onError`, and no other one.
 *
 * @see The `socket` module of Ballerina, whose callback services have the same methods
 */
export interface Service {
  /** A connection was accepted (or, for a client, made). */
  onConnect?(caller: Caller): void | Promise<void>;
  /**
   * Bytes, or the end, can be read without waiting. Called again while unread bytes are left and the last
   * call read something, otherwise when more has come. At the end of the stream there is one last call
   * (unread bytes first, then -1); then the connection closes, unless it was made with `allowHalfOpen`.
   *
   * What a call leaves unread is kept for the next one, up to 16 MiB: a connection whose service leaves more
   * ends with `"overflow"`. A service without this method leaves reading to you.
   */
  onReadReady?(caller: Caller): void | Promise<void>;
  /**
   * The connection ends with an error: its own, or what a method of this service threw. Not called for
   * `close`, `abort` or the peer's end. Without it a network failure just closes the connection, and what a
   * method threw is printed with `console.error`, unless it is a read that timed out or a bad frame.
   */
  onError?(caller: Caller, error: Error): void | Promise<void>;
  /** The connection is over. Called exactly once for each connection whose `onConnect` was begun. */
  onClose?(caller: Caller): void | Promise<void>;
}

/** To learn whether more has come, it must be read: a service that reads nothing must not fill the memory. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;

const METHODS = ["onConnect", "onReadReady", "onError", "onClose"] as const;

/**
 * Reads the methods of a service: what is called is what was there then.
 *
 * @throws {TypeError} It has none that can be called, or one that is misspelled.
 */
export function readService(service: unknown): Service {
  return methodsOf<Service>(service, METHODS);
}

/**
 * Begins to call a service for a connection.
 *
 * @param caller Nobody else's yet.
 * @param service What {@linkcode readService} has given.
 */
export function serve(caller: Caller, service: Service): void {
  new ServiceLoop(caller, service).begin();
}

class ServiceLoop implements Attendant, Wait {
  isCalling = false;
  isConnecting = false;
  /** How many bytes must be there for the next call. */
  length = 1;
  readonly isReading: boolean;
  readonly #caller: Caller;
  readonly #service: Service;
  readonly #duplex: Duplex;
  #readBefore = 0;
  #isLastCall = false;
  #isOver = false;
  /** What a method threw. */
  #thrown: { readonly error: unknown } | undefined;

  constructor(caller: Caller, service: Service) {
    this.#caller = caller;
    this.#service = service;
    this.isReading = service.onReadReady !== undefined;
    this.#duplex = duplexOf(caller);
    this.#duplex.attendant = this;
  }

  begin(): void {
    this.isCalling = this.isConnecting = true;
    try {
      this.#await(this.#service.onConnect?.(this.#caller), () => this.#afterConnect());
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onFreed(): void {
    if (!this.isCalling) void this.#finish();
  }

  #await(result: unknown, after: () => void): void {
    if (!isThenable(result)) return after();
    // What is no promise of the language's own may call back more than once, or be of another mind when asked again.
    const promise = result instanceof Promise ? result : attempt(() => result);
    promise.then(after, this.#onThrown);
  }

  #afterConnect(): void {
    this.isCalling = this.isConnecting = false;
    if (!this.#duplex.isOpen) return this.#afterLastCall();
    if (this.isReading) return this.#next();
    // Reading is left to the user, who may be waiting already.
    this.#duplex.closeIfIdle();
  }

  /** Calls when there is something to call for. */
  #next(): void {
    const { reader } = this.#duplex;
    if (this.#isOver) return;
    if (reader.isWaiting) {
      // A call has left a read of its own behind.
      reader.whenFree(() => this.#next());
    } else if (reader.mayHave(this.length)) {
      // Not from here: a method that is not async and leaves bytes unread would nest call in call.
      this.isCalling = true;
      queueMicrotask(() => this.#onDue());
    } else {
      reader.atLeast(this, Infinity);
    }
  }

  #onDue(): void {
    const { reader } = this.#duplex;
    this.isCalling = false;
    if (!reader.isWaiting && reader.has(this.length)) this.ready();
    // Closed, aborted or taken by somebody else in between.
    else if (this.#duplex.isFreed) void this.#finish();
    else this.#next();
  }

  /** The wait is over: there is something to call for. */
  ready(): void {
    const { reader } = this.#duplex;
    if (this.#isOver) return;
    // Shut down from this side: nothing will be read any more.
    if (reader.isShut) return this.#duplex.closeIfIdle();
    this.#isLastCall = reader.hasEnded;
    this.#readBefore = reader.bytesRead - reader.queue.length;
    this.isCalling = true;
    try {
      this.#await(this.#service.onReadReady!(this.#caller), this.#afterRead);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  /** A close, an abort or a failure ended the wait: the transport is being freed, and `onFreed` tells. */
  fail(): void {}

  readonly #afterRead = (): void => {
    this.isCalling = false;
    const duplex = this.#duplex;
    const { reader } = duplex;
    if (!duplex.isOpen && !reader.hasEnded) return this.#afterLastCall();
    const unread = reader.queue.length;
    const hasRead = reader.bytesRead - unread > this.#readBefore;
    if (this.#isLastCall && (unread === 0 || !hasRead)) return this.#afterLastCall();
    if (!hasRead && unread >= MOST_UNREAD_BYTES && duplex.isOpen) {
      duplex.fail(
        new GenericError(
          "overflow",
          `Cannot read ahead: the service leaves ${unread} bytes unread`,
        ),
      );
      return;
    }
    this.length = hasRead ? 1 : unread + 1;
    this.#next();
  };

  #afterLastCall(): void {
    const duplex = this.#duplex;
    if (duplex.isFreed) return void this.#finish();
    if (!duplex.isOpen) return;
    // A half-open connection stays until its user ends it, or its listener is stopped.
    if (duplex.limits.allowHalfOpen) duplex.closeIfIdle();
    else void duplex.close();
  }

  readonly #onThrown = (error: unknown): void => {
    this.isCalling = this.isConnecting = false;
    const duplex = this.#duplex;
    // After the end, reads and writes reject with what ended it: that is no news.
    const isConsequence = !duplex.isOpen && isSocketError(error);
    if (!isConsequence) this.#thrown = { error };
    void this.#finish();
  };

  async #finish(): Promise<void> {
    this.#isOver = true;
    const duplex = this.#duplex;
    this.isCalling = true;
    const thrown = this.#thrown;
    const cause = thrown === undefined ? duplex.error : thrown.error;
    // Also undefined is thrown, by a reject() without a reason.
    if (thrown !== undefined || (duplex.error !== undefined && duplex.error.code !== "aborted")) {
      await this.#report(cause, thrown !== undefined);
    }
    let ended = duplex.error;
    if (thrown !== undefined) {
      ended ??= isBadFrame(thrown.error)
        ? thrown.error
        : handlerError("A method of the service", thrown.error);
    }
    // What onError wrote still goes out.
    await duplex.close(ended);
    duplex.leave();
    await this.#callGuarded("onClose");
    duplex.settle(ended);
  }

  async #report(cause: unknown, isThrown: boolean): Promise<void> {
    if (this.#service.onError !== undefined) {
      const error = isError(cause) ? cause : handlerError("A method of the service", cause);
      await this.#callGuarded("onError", error);
    } else if (isThrown && !isReadTimeout(cause) && !isBadFrame(cause)) {
      // But for a peer that is slow or talks nonsense: it is no more the method's doing than one that has gone.
      printThrown(cause);
    }
  }

  /** Calls a method whose exceptions nobody else could be told. */
  async #callGuarded(name: "onError" | "onClose", error?: Error): Promise<void> {
    try {
      await this.#service[name]?.(this.#caller, error!);
    } catch (thrown) {
      printThrown(thrown);
    }
  }
}

/** What the peer has sent is no message: the method that found out has done nothing wrong. */
function isBadFrame(error: unknown): error is SocketError {
  return codeOf(error) === "frame";
}
