// A connection of a pool, in the hands of one user.

import { closedError } from "../base/errors.ts";
import type { Client } from "../connection/client.ts";
import type { Pooled } from "./pooled.ts";

/** The inside of a lease, for its pool. */
export interface LeaseHost<Session> {
  /** The connection is given back. @param isDirty Whether nobody else may use it. */
  onReturn(lease: Lease<Session>, pooled: Pooled<Session>, isDirty: boolean): Promise<void>;
}

/**
 * A connection of a pool, yours until you release it. At the end of an `await using` block it is released.
 *
 * @typeParam Session What the `onConnect` of the pool has made of the connection.
 */
export class Lease<Session> implements AsyncDisposable {
  readonly #host: LeaseHost<Session>;
  readonly #pooled: Pooled<Session>;
  #isOver = false;

  /** Made by {@linkcode ClientPool.acquire}. */
  constructor(host: LeaseHost<Session>, pooled: Pooled<Session>) {
    this.#host = host;
    this.#pooled = pooled;
  }

  /**
   * The connection. Do not keep it: after the release it is another one's.
   *
   * @throws {GenericError} `"closed"`: it was released.
   */
  get connection(): Client {
    return this.#used.client;
  }

  /**
   * What `onConnect` has made of the connection.
   *
   * @throws {GenericError} `"closed"`: it was released.
   */
  get session(): Session {
    return this.#used.session;
  }

  /**
   * Gives the connection back, at the end of a conversation, as soon as what was written has gone out. One that is over,
   * that has unread bytes, a pending read or a locked `readable` or `writable`, or that `isReusable` refuses, is closed.
   *
   * @returns Resolves when it was taken back, or its socket is freed.
   */
  release(): Promise<void> {
    return this.#end(false);
  }

  /** Closes the connection, in the middle of a conversation: nobody else gets what is still to come. */
  discard(): Promise<void> {
    return this.#end(true);
  }

  /** Is {@linkcode Lease.release}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  get #used(): Pooled<Session> {
    if (this.#isOver) throw closedError("use the lease");
    return this.#pooled;
  }

  #end(isDirty: boolean): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#isOver = true;
    return this.#host.onReturn(this, this.#pooled, isDirty);
  }
}
