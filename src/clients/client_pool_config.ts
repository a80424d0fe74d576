// How a pool keeps connections: read and checked once.

import { checkFunction, checkInterval, checkLimit } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import type { Client } from "../connection/client.ts";
import {
  type AnyClientConfig,
  CLIENT_INNER,
  type ClientConfig,
  type HostsClientConfig,
  type LocalClientConfig,
  resolveClientConfig,
  type ServiceClientConfig,
} from "../connection/client_config.ts";
import type { Clock } from "../network/network.ts";
import { checkRedial, REDIAL_OPTIONS, type RedialConfig, type RedialSettings } from "./backoff.ts";
import { DIAL_OPTIONS, type DialOptions } from "./dial_options.ts";

/**
 * Where a pool connects to, and how its connections behave: as any client, but without a `signal`, which is for one
 * attempt, and without a `callbackService`, because those who borrow a connection read it.
 */
export type PoolClientConfig =
  | Omit<ClientConfig, "callbackService" | "signal">
  | Omit<HostsClientConfig, "callbackService" | "signal">
  | Omit<ServiceClientConfig, "callbackService" | "signal">
  | Omit<LocalClientConfig, "callbackService" | "signal">;

/**
 * How a pool keeps connections.
 *
 * @typeParam Session What `onConnect` makes of each.
 */
export interface ClientPoolConfig<Session> extends Omit<RedialConfig, "stableAfterInMillis"> {
  /**
   * How many connections there may be, an integer from 1, or `Infinity`.
   *
   * @default {10}
   */
  readonly maxClients?: number;
  /**
   * How many may wait for a connection, an integer from 1, or `Infinity`; further ones are refused.
   *
   * @default {Infinity}
   */
  readonly maxWaiting?: number;
  /**
   * After how long without use a connection is closed, in milliseconds from 1, or `Infinity`.
   *
   * @default {60_000}
   */
  readonly idleTimeoutInMillis?: number;
  /**
   * How long `acquire` waits, in milliseconds from 1, or `Infinity`.
   *
   * @default {30_000}
   */
  readonly acquireTimeoutInMillis?: number;
  /**
   * Called with each new connection before anybody gets it: the place to log in. What it returns is the `session` of
   * each lease. Where it throws or rejects, the connection is aborted, and counts as one that could not be made.
   */
  readonly onConnect?: (client: Client) => Session | Promise<Session>;
  /**
   * Asked before an idle connection is handed out, for what cannot be seen from outside. Where it gives no `true`,
   * throws or rejects, the connection is closed, and another one is taken. One whose peer has ended is never asked
   * about: that is noticed at once.
   */
  readonly isHealthy?: (client: Client, session: Session) => boolean | Promise<boolean>;
  /**
   * Asked when a connection is released, whether others may use it: not where an answer is still to come. Without this
   * function every one may that is open, with nothing unread.
   */
  readonly isReusable?: (client: Client, session: Session) => boolean;
  /**
   * How long `onConnect` and `isHealthy` may take each, in milliseconds from 1, or `Infinity`.
   *
   * @default {30_000}
   */
  readonly prepareTimeoutInMillis?: number;
}

/** How to wait for a connection of a pool. */
export interface AcquireOptions {
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long to wait, in milliseconds from 1, or `Infinity`, instead of `acquireTimeoutInMillis`. */
  readonly timeoutInMillis?: number;
}

/** How a pool is closed. */
export interface PoolCloseOptions {
  /**
   * How long those that have a connection may use it, in milliseconds from 1, or `Infinity`; then it is aborted.
   *
   * @default {15_000}
   */
  readonly deadlineInMillis?: number;
}

/** The checked config of a pool. */
export interface PoolSettings<Session> {
  /** Where to dial, and how. */
  readonly dial: AnyClientConfig;
  readonly clock: Clock;
  readonly redial: RedialSettings;
  readonly maxClients: number;
  readonly maxWaiting: number;
  readonly idleTimeoutInMillis: number;
  readonly acquireTimeoutInMillis: number;
  readonly prepareTimeoutInMillis: number;
  readonly onConnect: ((client: Client) => Session | Promise<Session>) | undefined;
  readonly isHealthy:
    | ((client: Client, session: Session) => boolean | Promise<boolean>)
    | undefined;
  readonly isReusable: ((client: Client, session: Session) => boolean) | undefined;
}

/** Reads both configs of a pool, each field once, checks them and fills in the defaults. */
export function resolvePool<Session>(
  client: PoolClientConfig,
  config: ClientPoolConfig<Session>,
): PoolSettings<Session> {
  const dial = readOptions<DialOptions>(
    "client",
    client,
    DIAL_OPTIONS,
    CLIENT_INNER,
  ) as AnyClientConfig;
  const { network } = resolveClientConfig(dial);
  const names = optionNames<Omit<ClientPoolConfig<Session>, keyof RedialConfig>>({
    maxClients: true,
    maxWaiting: true,
    idleTimeoutInMillis: true,
    acquireTimeoutInMillis: true,
    onConnect: true,
    isHealthy: true,
    isReusable: true,
    prepareTimeoutInMillis: true,
  });
  const redialNames = REDIAL_OPTIONS.filter((name) => name !== "stableAfterInMillis");
  const options = readOptions<ClientPoolConfig<Session>>("config", config, [
    ...names,
    ...redialNames,
  ]);
  const { maxClients = 10, maxWaiting = Infinity, idleTimeoutInMillis = 60_000 } = options;
  const { acquireTimeoutInMillis = 30_000, prepareTimeoutInMillis = 30_000 } = options;
  return Object.freeze({
    dial,
    clock: network.clock,
    redial: checkRedial(options),
    maxClients: checkLimit("maxClients", maxClients),
    maxWaiting: checkLimit("maxWaiting", maxWaiting),
    idleTimeoutInMillis: checkInterval("idleTimeoutInMillis", idleTimeoutInMillis),
    acquireTimeoutInMillis: checkInterval("acquireTimeoutInMillis", acquireTimeoutInMillis),
    prepareTimeoutInMillis: checkInterval("prepareTimeoutInMillis", prepareTimeoutInMillis),
    onConnect: checkFunction("onConnect", options.onConnect),
    isHealthy: checkFunction("isHealthy", options.isHealthy),
    isReusable: checkFunction("isReusable", options.isReusable),
  });
}

const CLOSE_OPTIONS = optionNames<PoolCloseOptions>({ deadlineInMillis: true });

/** Reads the options of a `close`. Gives the deadline. */
export function readPoolClose(given: PoolCloseOptions): number {
  const { deadlineInMillis = 15_000 } = readOptions("options", given, CLOSE_OPTIONS);
  return checkInterval("deadlineInMillis", deadlineInMillis);
}
