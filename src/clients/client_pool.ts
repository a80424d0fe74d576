// ClientPool: a few connections for many users.
//
//   acquire -> idle one, the last used first -> lease -> release -> the first that waits, or idle
//           -> a new one, while there are few            \-> closed, unless it is clean
//           -> waits, in order

import { GenericError, ignore, reasonOf } from "../base/errors.ts";
import { closedError, type SocketError } from "../base/errors.ts";
import { printThrown, refusePromise } from "../base/user_code.ts";
import { checkFunction } from "../base/arguments.ts";
import type { Client } from "../connection/client.ts";
import { patientTimeout } from "../network/deadline.ts";
import { LazyTimer, type Looker } from "../network/lazy_timer.ts";
import {
  type AcquireOptions,
  type ClientPoolConfig,
  type PoolClientConfig,
  type PoolCloseOptions,
  type PoolSettings,
  readPoolClose,
  resolvePool,
} from "./client_pool_config.ts";
import { IdleClients } from "./idle_clients.ts";
import { Lease } from "./lease.ts";
import { Pooled } from "./pooled.ts";
import { PoolDialler } from "./pool_dialler.ts";
import { PoolLine, type Waiter } from "./pool_line.ts";
import { calledFor } from "./prepared.ts";
import { readWaitOptions } from "./wait_options.ts";

/** Numbers about a pool. The record does not change. */
export interface ClientPoolStats {
  /** How many connections nobody uses. */
  readonly idle: number;
  /** How many are in use. */
  readonly leased: number;
  /** How many are being made, or asked whether they are healthy. */
  readonly preparing: number;
  /** How many wait for a connection. */
  readonly waiting: number;
  /** How many connections were made so far. */
  readonly made: number;
  /** How many were closed because they were not clean when they were released. */
  readonly discarded: number;
  /** How many ended while they were idle, ended by the server, spoilt by what it sent, or refused by `isHealthy`. */
  readonly lost: number;
}

/**
 * A few connections to one server, kept ready for many users. Each is used by one at a time; those who wait get theirs
 * in order. The one that was used last is handed out first, so that the others may be closed when there is little to
 * do. That an idle one has ended is noticed at once, without a timer for each.
 *
 * Where no connection can be made, those who wait go on waiting until their time is over, and the pool dials again
 * after pauses. With `maxAttempts: 1` they fail at once.
 *
 * @typeParam Session What `onConnect` makes of each connection.
 *
 * @example
 * ```ts
 * import { ClientPool } from "socket/clients.ts";
 * import { Listener } from "socket/mod.ts";
 *
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * await listener.serve(async (caller) => {
 *   for await (const bytes of caller) await caller.write(bytes);
 * });
 * await using pool = new ClientPool({ host: "127.0.0.1", port: listener.port }, { maxClients: 3 });
 * await pool.use(async (client) => {
 *   await client.write("hello");
 *   console.log(await client.read(5));
 * });
 * ```
 */
export class ClientPool<Session = undefined> implements AsyncDisposable {
  readonly #settings: PoolSettings<Session>;
  readonly #dialler: PoolDialler<Session>;
  readonly #timer: LazyTimer;
  readonly #idle: IdleClients<Session>;
  readonly #leases = new Map<Lease<Session>, Pooled<Session>>();
  readonly #waiting = new PoolLine<Session>();
  /** Aborted when it closes. */
  readonly #life = new AbortController();
  /** What `close` waits for. */
  readonly #underWay = new Set<Promise<void>>();
  #checking = 0;
  #counts = { made: 0, discarded: 0, lost: 0 };
  /** Resolved when a pool that closes waits for no lease any more. */
  readonly #returned = Promise.withResolvers<void>();
  /** Until when closing waits for leases. */
  #deadline = Infinity;
  #forgetDeadline: () => void = ignore;
  #closing: Promise<void> | undefined;

  /**
   * Makes a pool. It dials when somebody needs a connection.
   *
   * @param client Where to connect to, and how the connections behave.
   * @param config How they are kept.
   * @throws {TypeError | RangeError} A field of `client` or `config` is wrong.
   */
  constructor(client: PoolClientConfig, config?: ClientPoolConfig<Session>);
  constructor(client: PoolClientConfig, config: ClientPoolConfig<Session> = {}) {
    this.#settings = resolvePool(client, config);
    this.#dialler = new PoolDialler<Session>(this.#settings, this.#life.signal, {
      isNeeded: () => this.#isNeeded,
      comers: () => this.#waiting.comers,
      onMade: (client, session) => {
        this.#counts.made++;
        void this.#put(new Pooled(client, session));
        this.#serve();
      },
      onFailed: (error, comers) => {
        this.#waiting.refuseAll(error, comers);
        this.#serve();
      },
      onRested: () => this.#serve(),
      track: (task) => void this.#track(task),
    });
    const { clock, idleTimeoutInMillis } = this.#settings;
    this.#idle = new IdleClients<Session>(clock, idleTimeoutInMillis, {
      onSpoilt: (pooled) => this.#lose(pooled),
      onOld: (pooled) => void this.#end(pooled),
      lookBy: (due) => this.#timer.by(due),
    });
    const looker: Looker = { look: (now, isSure) => this.#look(now, isSure) };
    this.#timer = new LazyTimer(clock, looker);
  }

  /**
   * Waits for a connection.
   *
   * Giving up: the connection goes to the next one who waits.
   *
   * @param options How to give up.
   * @returns The connection, yours until it is released: write `await using lease = await pool.acquire()`. Where a
   * conversation may be cut by an error, use {@linkcode ClientPool.use}, or `discard` it.
   * @throws {TypeError | RangeError} An option is wrong.
   * @throws {GenericError} `"timed-out"`, with the last failure to connect as `cause`; `"closed"`; `"overflow"`: too
   * many wait; or why no connection can be made.
   * @throws {unknown} The reason of a signal.
   */
  acquire(options?: AcquireOptions): Promise<Lease<Session>> {
    return new Promise((resolve, reject) => {
      const { acquireTimeoutInMillis, clock, maxWaiting } = this.#settings;
      const { signal, timeoutInMillis = acquireTimeoutInMillis } = options === undefined
        ? {}
        : readWaitOptions(options);
      if (this.#life.signal.aborted) throw this.#life.signal.reason;
      const due = timeoutInMillis === Infinity ? Infinity : clock.now() + timeoutInMillis;
      const waiter = this.#waiting.join(due, timeoutInMillis, resolve, reject);
      this.#serve();
      // It may have its connection already.
      if (!this.#waiting.has(waiter)) return;
      if (this.#waiting.length > maxWaiting) {
        this.#waiting.leave(waiter);
        const why = `${maxWaiting} others wait already (maxWaiting)`;
        throw new GenericError("overflow", `No connection: ${why}`);
      }
      this.#timer.by(due);
      if (signal !== undefined) this.#waiting.listen(waiter, signal);
    });
  }

  /**
   * Acquires a connection, calls a function with it, and releases it. Where the function throws or rejects, its
   * conversation may have been cut, and the connection is closed.
   *
   * @param conversation What is done with the connection.
   * @param options How to give up waiting for it.
   * @returns What the function gives.
   * @throws {unknown} As `acquire`, or what the function throws.
   */
  async use<T>(
    conversation: (client: Client, session: Session) => T | Promise<T>,
    options?: AcquireOptions,
  ): Promise<T> {
    if (checkFunction("conversation", conversation) === undefined) {
      throw new TypeError("conversation must be a function: got undefined");
    }
    const lease = await this.acquire(options);
    let result: T;
    try {
      result = await conversation(lease.connection, lease.session);
    } catch (error) {
      await lease.discard();
      throw error;
    }
    await lease.release();
    return result;
  }

  /** Numbers about the pool now. */
  stats(): ClientPoolStats {
    return Object.freeze({
      idle: this.#idle.length,
      leased: this.#leases.size,
      preparing: this.#dialler.underWay + this.#checking,
      waiting: this.#waiting.length,
      ...this.#counts,
    });
  }

  /**
   * Closes the idle connections, refuses those who wait, and waits until all others are released.
   *
   * @param options How long that may take; then their connections are aborted. Of several calls, the shortest wins.
   * @returns Resolves when all is freed.
   * @throws {TypeError | RangeError} An option is wrong.
   */
  close(options?: PoolCloseOptions): Promise<void>;
  async close(options: PoolCloseOptions = {}): Promise<void> {
    const deadlineInMillis = readPoolClose(options);
    this.#closing ??= this.#close();
    this.#endIn(deadlineInMillis);
    await this.#closing;
  }

  /** Is {@linkcode ClientPool.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Gives idle connections to those who wait, and dials for the others. */
  #serve(): void {
    while (this.#waiting.length > this.#checking && this.#idle.length > 0) {
      const pooled = this.#idle.take();
      if (!pooled.isClean) this.#lose(pooled);
      else if (this.#settings.isHealthy === undefined) this.#hand(pooled);
      else void this.#track(this.#check(pooled));
    }
    this.#dialler.more();
  }

  /** Whether there is somebody for whom one more connection may be made. */
  get #isNeeded(): boolean {
    return this.#waiting.length > this.#dialler.underWay + this.#checking &&
      this.#open < this.#settings.maxClients;
  }

  /** How many connections count. */
  get #open(): number {
    return this.#idle.length + this.#leases.size + this.#dialler.underWay + this.#checking;
  }

  /** Asks the user whether an idle connection is good. */
  async #check(pooled: Pooled<Session>): Promise<void> {
    this.#checking++;
    const { clock, isHealthy, prepareTimeoutInMillis: timeoutInMillis } = this.#settings;
    const prepare = (client: Client) => isHealthy!(client, pooled.session);
    const preparation = { clock, name: "isHealthy", timeoutInMillis, prepare };
    const isGood = await calledFor(pooled.client, preparation, this.#life.signal)
      .catch(() => false);
    this.#checking--;
    if (isGood === true && pooled.isLeft && !this.#life.signal.aborted) {
      if (this.#waiting.length > 0) this.#hand(pooled);
      else this.#idle.put(pooled);
    } else this.#lose(pooled);
    this.#serve();
  }

  #hand(pooled: Pooled<Session>): void {
    const waiter = this.#waiting.take();
    const lease = new Lease<Session>(
      { onReturn: (lease, pooled, isDirty) => this.#onReturn(lease, pooled, isDirty) },
      pooled,
    );
    this.#leases.set(lease, pooled);
    waiter.resolve(lease);
  }

  async #onReturn(
    lease: Lease<Session>,
    pooled: Pooled<Session>,
    isDirty: boolean,
  ): Promise<void> {
    // Until then it is still in use.
    const sent = isDirty ? undefined : pooled.sent();
    if (sent !== undefined) await sent;
    this.#leases.delete(lease);
    const isGood = !isDirty && pooled.isLeft && this.#isReusable(pooled);
    if (isGood) {
      pooled.restore();
      await this.#put(pooled);
    } else {
      this.#counts.discarded++;
      const closed = this.#end(pooled);
      this.#serve();
      await closed;
    }
    this.#checkReturned();
  }

  #isReusable({ client, session }: Pooled<Session>): boolean {
    const { isReusable } = this.#settings;
    if (isReusable === undefined) return true;
    try {
      const is: unknown = isReusable(client, session);
      refusePromise("isReusable", is);
      return is === true;
    } catch (thrown) {
      printThrown(thrown);
      return false;
    }
  }

  /** A connection is free. */
  async #put(pooled: Pooled<Session>): Promise<void> {
    if (this.#life.signal.aborted) return await this.#end(pooled);
    if (this.#waiting.length > 0) this.#hand(pooled);
    else this.#idle.put(pooled);
  }

  /** A connection that was idle is of no use. */
  #lose(pooled: Pooled<Session>): void {
    this.#counts.lost++;
    void this.#end(pooled);
  }

  #end({ client }: Pooled<Session>): Promise<void> {
    return this.#track(client.close());
  }

  async #track(task: Promise<void>): Promise<void> {
    this.#underWay.add(task);
    await task;
    this.#underWay.delete(task);
  }

  /** Does what is due. Returns when the next thing is. */
  #look(now: number, isSure: boolean): number {
    const nextWaiter = this.#waiting.look(now, isSure, (waiter) => this.#timeoutOf(waiter));
    return Math.min(nextWaiter, this.#idle.look(now, isSure));
  }

  #timeoutOf({ timeoutInMillis }: Waiter<Session>): SocketError {
    const { failure } = this.#dialler;
    const why = failure === undefined
      ? `${this.#leases.size} are in use, ${this.#waiting.length} wait`
      : `the last attempt: ${reasonOf(failure.error)}`;
    const message = `No connection within ${timeoutInMillis} ms; ${why}`;
    return new GenericError("timed-out", message, failure && { cause: failure.error });
  }

  /** Lets leases have so long from now, if they do not have less already. */
  #endIn(millis: number): void {
    const { clock } = this.#settings;
    const due = clock.now() + millis;
    if (due >= this.#deadline) return;
    this.#deadline = due;
    this.#forgetDeadline();
    this.#forgetDeadline = patientTimeout(clock, millis, () => {
      const error = new GenericError("timed-out", "The pool was closed");
      for (const { client } of this.#leases.values()) client.abort(error);
      this.#returned.resolve();
    });
  }

  #checkReturned(): void {
    if (this.#life.signal.aborted && this.#leases.size === 0) this.#returned.resolve();
  }

  async #close(): Promise<void> {
    const reason = closedError("acquire");
    this.#life.abort(reason);
    this.#waiting.refuseAll(reason);
    this.#timer.stop();
    for (const pooled of this.#idle.takeAll()) void this.#end(pooled);
    this.#checkReturned();
    await this.#returned.promise;
    this.#deadline = -Infinity;
    this.#forgetDeadline();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }
}
