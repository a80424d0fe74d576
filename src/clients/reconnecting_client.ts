// ReconnectingClient: a connection that comes back.
//
//   dialling --onUp--> up --its end--> waiting --a rest--> dialling ...
//        \--failure--> waiting                  close(), abort(), too many failures: closed

import { closedError, GenericError, isSocketError, reasonOf } from "../base/errors.ts";
import type { SocketError } from "../base/errors.ts";
import { tell } from "../base/user_code.ts";
import type { Client } from "../connection/client.ts";
import { coreOf } from "../connection/connection.ts";
import type { Clock } from "../network/network.ts";
import { Backoff, isFinal } from "./backoff.ts";
import type { ClientState } from "./client_state.ts";
import { dialPrepared, endOf } from "./prepared.ts";
import { ReconnectCount } from "./reconnect_count.ts";
import {
  type DialTarget,
  type ReconnectingClientConfig,
  type ReconnectingSettings,
  resolveReconnecting,
} from "./reconnecting_config.ts";
import { ReconnectingCounts, type ReconnectingStats } from "./reconnecting_stats.ts";
import { readReady, Ready, type ReadyOptions } from "./ready.ts";
import { rest } from "./rest.ts";
import { Retired } from "./retired.ts";

/** Who uses each connection in turn, and ends those that were replaced: {@linkcode Requests}. */
export interface Follower {
  /** There is a new connection, the only one that is to be used from now on. */
  onUp(client: Client): void;
  /** The connection is to be replaced: it is ended when what is under way on it is done. */
  onRetire(): void;
  /** There will be no connection any more. */
  onOver(reason: unknown, error: SocketError | undefined): void;
}

/** The connection that is up. */
interface Use {
  readonly client: Client;
  readonly upAt: number;
  /** It is up no more. @param nextInMillis How long to rest before the next attempt; none follows if left out. */
  over(nextInMillis: number | undefined): void;
}

/** Why a connection is used no more that nothing is wrong with. */
class Replaced extends GenericError {}

let friend: (client: ReconnectingClient, follower: Follower) => void;
let clockIn: (client: ReconnectingClient) => Clock;
let lastErrorIn: (client: ReconnectingClient) => Error | undefined;

/** From now on somebody follows the client, who reads its connections. */
export function follow(client: ReconnectingClient, follower: Follower): void {
  friend(client, follower);
}

/** The time that a client goes by. */
export function clockOf(client: ReconnectingClient): Clock {
  return clockIn(client);
}

/** Why there is no connection, if that is known. */
export function lastErrorOf(client: ReconnectingClient): Error | undefined {
  return lastErrorIn(client);
}

/**
 * A client that dials, and dials again whenever its connection has ended: after a reset, a restart of the server, or an
 * end that the server sends because it stops. Names are looked up anew each time. It begins at once.
 *
 * A peer that ends what it sends counts as gone. The client reads each connection ahead while fewer than 64 KiB of it
 * are unread, so that it notices that while nobody reads.
 *
 * @example Lines to a server that may restart
 * ```ts
 * import { ReconnectingClient } from "socket/clients.ts";
 * import { Listener } from "socket/mod.ts";
 *
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * await listener.serve(async (caller) => {
 *   for await (const bytes of caller) await caller.write(bytes);
 * });
 * await using log = new ReconnectingClient({ host: "127.0.0.1", port: listener.port });
 * const connection = await log.ready({ timeoutInMillis: 5_000 });
 * await connection.write("hello\n");
 * ```
 */
export class ReconnectingClient implements AsyncIterable<Client>, AsyncDisposable {
  readonly #settings: ReconnectingSettings;
  readonly #backoff: Backoff;
  readonly #reconnects: ReconnectCount | undefined;
  readonly #counts = new ReconnectingCounts();
  readonly #closed = Promise.withResolvers<SocketError | undefined>();
  /** Aborted when it is over. */
  readonly #life = new AbortController();
  readonly #ready: Ready;
  readonly #retired: Retired;
  #state!: ClientState;
  #follower: Follower | undefined;
  #current: Client | undefined;
  #use: Use | undefined;
  #lastError: Error | undefined;
  /** Those of this round that were not tried yet. */
  #targets: DialTarget[] = [];

  static {
    friend = (client, follower) => client.#follow(follower);
    clockIn = (client) => client.#settings.clock;
    lastErrorIn = (client) => client.#lastError;
  }

  /**
   * Begins to dial.
   *
   * @param config Where to, how, and when again.
   * @throws {TypeError | RangeError} A field of `config` is wrong.
   */
  constructor(config: ReconnectingClientConfig) {
    this.#settings = resolveReconnecting(config);
    this.#backoff = new Backoff(this.#settings.redial, this.#settings.targets.length);
    const { signal, telemetry, clock, closeTimeoutInMillis } = this.#settings;
    this.#ready = new Ready(clock);
    this.#retired = new Retired(clock, closeTimeoutInMillis, this.#settings.hasLocalPort);
    if (telemetry) this.#reconnects = new ReconnectCount();
    this.#life.signal.addEventListener(
      "abort",
      () => signal?.removeEventListener("abort", onAbort),
    );
    const onAbort = () => this.#abort(signal!.reason);
    this.#dialling();
    if (signal?.aborted) {
      onAbort();
    } else {
      signal?.addEventListener("abort", onAbort, { once: true });
      void this.#live();
    }
  }

  /** What it is doing. */
  get state(): ClientState {
    return this.#state;
  }

  /** What has happened since it was made. */
  stats(): ReconnectingStats {
    return this.#counts.stats();
  }

  /** The connection, while it has one. */
  get connection(): Client | undefined {
    const current = this.#current;
    return current !== undefined && coreOf(current).isOpen ? current : undefined;
  }

  /**
   * Resolves when it is over and its connections are freed, and never rejects: `undefined` after `close`, else the error that made it give up, or
   * `"aborted"` with the reason as `cause`.
   */
  get closed(): Promise<SocketError | undefined> {
    return this.#closed.promise;
  }

  /**
   * Waits until it has a connection.
   *
   * @param options How to give up.
   * @returns The connection. When it has ended, call this again for the next one.
   * @throws {TypeError | RangeError} An option is wrong.
   * @throws {GenericError} `"timed-out"`: there was none for so long, the last failure is the `cause`; `"closed"`; or
   * what made it give up.
   * @throws {unknown} The reason of a signal.
   */
  ready(options?: ReadyOptions): Promise<Client>;
  async ready(options: ReadyOptions = {}): Promise<Client> {
    const limits = readReady(options);
    const { connection } = this;
    if (connection !== undefined) return connection;
    if (this.#life.signal.aborted) throw this.#life.signal.reason;
    return await this.#ready.wait(limits, () => this.#lastError);
  }

  /**
   * Replaces the connection, if there is one: a new one is dialled, and whoever uses the old one may finish. For a
   * server that says that it will go away. From this call on nobody gets the old one: `ready`, a loop and
   * {@linkcode Requests} wait for the new one, and `connection` is `undefined` until then. Each old one is closed after
   * `closeTimeoutInMillis`, unless something of it is unread; the last eight stay at most. {@linkcode Requests} close it
   * when its answers have come.
   */
  redial(): void {
    this.#endUse(new Replaced("closed", "The connection is replaced: redial was called"));
  }

  /**
   * Closes the connection politely, and dials no more.
   *
   * @returns Resolves when all is freed.
   */
  async close(): Promise<void> {
    this.#end(closedError("use the client"), undefined);
    await Promise.all(this.#open.map((client) => client.close()));
    this.#retired.forget();
    await this.closed;
  }

  /**
   * Aborts the connection, and dials no more.
   *
   * @param reason The `cause` of the `"aborted"` error that waiting calls get.
   */
  abort(reason?: unknown): void {
    this.#abort(reason);
  }

  /**
   * Iterates over its connections: each step closes the last one, and waits for the next. Leaving the loop closes
   * nothing.
   *
   * @throws {GenericError} What made it give up. `close` ends the loop without an error.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Client, undefined> {
    for (;;) {
      let client: Client;
      try {
        client = await this.ready();
      } catch (error) {
        if (this.#life.signal.aborted && await this.closed === undefined) return;
        throw error;
      }
      yield client;
      await client.close();
    }
  }

  /** Is {@linkcode ReconnectingClient.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Its connections: the current one, and those before it. */
  get #open(): Client[] {
    const { clients } = this.#retired;
    return this.#current === undefined ? clients : [this.#current, ...clients];
  }

  #follow(follower: Follower): void {
    if (this.#follower !== undefined) {
      throw new GenericError(
        "busy",
        "client is used by other Requests already: make it a client of its own",
      );
    }
    this.#follower = follower;
    if (this.#life.signal.aborted) {
      void this.closed.then((error) => follower.onOver(this.#life.signal.reason, error));
    } else if (this.connection !== undefined) follower.onUp(this.connection);
  }

  async #live(): Promise<void> {
    const { signal } = this.#life;
    for (;;) {
      let nextInMillis: number | undefined;
      this.#counts.dial();
      try {
        const client = await this.#dial();
        // It was closed in the very moment.
        if (signal.aborted) return client.abort(signal.reason);
        this.#counts.up(client);
        nextInMillis = await this.#handOut(client);
      } catch (thrown) {
        this.#backoff.onFailure();
        if (!signal.aborted) this.#counts.fail();
        nextInMillis = this.#down(thrown);
      }
      if (nextInMillis === undefined) return;
      await rest(this.#settings.clock, nextInMillis, signal);
      if (signal.aborted) return;
      this.#dialling();
      if (signal.aborted) return;
    }
  }

  /** It has no connection. @returns How long to rest before the next attempt; `undefined` if there is none. */
  #down(error: unknown): number | undefined {
    const { signal } = this.#life;
    if (signal.aborted) return undefined;
    this.#lastError = error as Error;
    if (isFinal(error) || this.#backoff.isExhausted) {
      this.#end(error, error as SocketError);
      return undefined;
    }
    const nextInMillis = this.#backoff.nextInMillis();
    // Numbers are drawn by a function of the user, which may have ended it.
    if (signal.aborted) return undefined;
    const attempt = this.#backoff.failures + 1;
    const setback = Object.freeze({ error: error as Error, attempt, nextInMillis });
    this.#enter({ kind: "waiting", ...setback });
    tell(this.#settings.onDown, setback);
    return nextInMillis;
  }

  /** From now on it dials the next target. */
  #dialling(): void {
    const { targets, shuffleTargets } = this.#settings;
    if (this.#targets.length === 0) {
      this.#targets = shuffleTargets ? this.#backoff.shuffled(targets) : [...targets];
      if (this.#life.signal.aborted) return;
    }
    const attempt = this.#backoff.failures + 1;
    this.#enter({ kind: "dialling", attempt, target: this.#targets[0]!.name });
  }

  async #dial(): Promise<Client> {
    const { clock, onUp, prepareTimeoutInMillis: timeoutInMillis } = this.#settings;
    const { config, attributes } = this.#targets.shift()!;
    const preparation = { clock, name: "onUp", timeoutInMillis, prepare: onUp };
    const [client] = await dialPrepared(config, preparation, this.#life.signal);
    this.#reconnects?.up(attributes);
    return client;
  }

  /** Hands the connection out, until it has ended or is to be replaced. Gives what {@linkcode #down} gives. */
  #handOut(client: Client): Promise<number | undefined> {
    const core = coreOf(client);
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    this.#use = { client, upAt: this.#settings.clock.now(), over: resolve };
    this.#current = client;
    // The first target is the best one.
    this.#targets = [];
    this.#enter({ kind: "up", connection: client });
    this.#ready.resolve(client);
    if (this.#follower === undefined) core.reader.watch();
    else this.#follower.onUp(client);
    const onEnd = () => {
      if (this.#use?.client === client) this.#endUse(endOf(client));
    };
    void core.freed.then(onEnd);
    // Who follows reads the end as well, behind all that came before it.
    core.whenPeerEnds(() => this.#follower === undefined ? onEnd() : queueMicrotask(onEnd));
    return promise;
  }

  /**
   * The connection that is up has ended, or is to be replaced. All of it is done before this returns: who goes on in
   * the same turn must not get that connection again.
   */
  #endUse(error: Error): void {
    const use = this.#use;
    if (use === undefined) return;
    this.#use = undefined;
    const { client, upAt, over } = use;
    if (!this.#life.signal.aborted) {
      this.#current = undefined;
      if (this.#follower === undefined) {
        this.#retired.put(client);
      } else {
        this.#retired.putUsed(client);
        this.#follower.onRetire();
      }
    }
    this.#backoff.onEnd(this.#settings.clock.now() - upAt, error instanceof Replaced);
    over(this.#down(error));
  }

  #abort(cause: unknown): void {
    const error = new GenericError("aborted", "Aborted by this side", { cause });
    this.#end(error, error);
    for (const client of this.#open) client.abort(cause);
    this.#retired.forget();
  }

  /** It is over. @param reason What waiting calls get. @param error What `closed` gives. */
  #end(reason: unknown, error: SocketError | undefined): void {
    if (this.#life.signal.aborted) return;
    const told = error === undefined || isSocketError(error)
      ? error
      : new GenericError("handler", `Cannot connect: ${reasonOf(error)}`, { cause: error });
    this.#life.abort(reason);
    this.#ready.reject(reason);
    this.#reconnects?.over();
    this.#enter(told === undefined ? { kind: "closed" } : { kind: "closed", error: told });
    this.#endUse(new GenericError("closed", "The client was closed"));
    void Promise.all(this.#open.map((client) => coreOf(client).freed))
      .then(() => this.#closed.resolve(told));
    this.#follower?.onOver(reason, told);
  }

  #enter(state: ClientState): void {
    this.#state = Object.freeze(state);
    tell(this.#settings.onState, this.#state);
  }
}
