// How requests are sent and answered: read and checked once.

import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkInterval,
  checkLimit,
  checkSignal,
  shown,
} from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { checkAwaited } from "../framing/exchange.ts";

/** By what an answer says which request it belongs to. */
export type RequestId = number | string;

/**
 * How requests are answered.
 *
 * @typeParam Q The messages that are sent.
 * @typeParam A The messages that are received.
 */
export interface RequestsConfig<Q, A> {
  /**
   * Gives the id of the request that a message answers: a number, or a string, as it was sent; `undefined` if it
   * answers none and is a push. Where it throws or gives anything else, `NaN` too, the connection is ended. Without this
   * function answers come in the order of the requests.
   */
  readonly idOf?: (message: A) => RequestId | undefined;
  /**
   * The largest id that is made for a request; they go from 1 to this, then begin again. So this many requests may be
   * in flight on one connection, or `maxInFlight` if that is less. The id of a request that was given up stays in use
   * until its answer comes; when no id is free, further requests wait. With `idOf` only.
   *
   * @default {9_007_199_254_740_991}
   */
  readonly maxId?: number;
  /** Whether a message answers no request. With `idOf` it is asked first. */
  readonly isPush?: (message: A) => boolean;
  /** Given each push. Reading goes on meanwhile. Without this function pushes are dropped. */
  readonly onPush?: (message: A) => unknown;
  /**
   * Whether a request that may have been handled may be sent again, on the next connection. A request of which nothing
   * had left is sent again in any case.
   *
   * @default none may
   */
  readonly isIdempotent?: (message: Q) => boolean;
  /**
   * How often one request is sent again although it may have been handled: it may be what makes the server fail. From
   * 0, or `Infinity`.
   *
   * @default {3}
   */
  readonly maxRepeats?: number;
  /**
   * How many requests may be without an answer at one time on one connection, an integer from 1, or `Infinity`; further
   * ones wait. 1 for a protocol that does not allow pipelining. After `redial`, those of the old connection count there.
   * With `idOf` there are never more than `maxId`, and those that were given up do not count here.
   *
   * @default {1_000}
   */
  readonly maxInFlight?: number;
  /**
   * How many requests may wait to be sent, an integer from 1, or `Infinity`; further ones are refused.
   *
   * @default {100_000}
   */
  readonly maxWaiting?: number;
  /**
   * How long a request may take, the wait for a connection included, in milliseconds from 1, or `Infinity`.
   *
   * @default {30_000}
   */
  readonly timeoutInMillis?: number;
  /**
   * What is sent when nothing has come for a while, or a function that makes it. Its answer is dropped; with `idOf`, a
   * ping that no function makes has no id, and its answer is a push. One that needs an id is left out where none is
   * free: then the server is to answer what it owes.
   */
  readonly ping?: Q | ((id: number) => Q);
  /**
   * After how long without a byte from the server the ping is sent, in milliseconds: between this and twice as long.
   * Set it together with `ping`. From 1, or `Infinity`.
   */
  readonly pingInMillis?: number;
  /**
   * How long after a ping nothing may come, in milliseconds; then the connection is aborted with `"timed-out"`. A
   * request that takes the server longer is cut off, too, unless the server sends something meanwhile. From 1, or
   * `Infinity`.
   *
   * @default `pingInMillis`
   */
  readonly pingTimeoutInMillis?: number;
  /**
   * How long `close` waits for answers, in milliseconds. From 1, or `Infinity`.
   *
   * @default {5_000}
   */
  readonly closeTimeoutInMillis?: number;
}

/** How one request is sent. */
export interface RequestOptions {
  /** Gives the request up, with the signal's reason. Its answer is dropped when it comes. */
  readonly signal?: AbortSignal;
  /** How long it may take, instead of the `timeoutInMillis` of the config. In milliseconds, from 1, or `Infinity`. */
  readonly timeoutInMillis?: number;
  /** The id in the message, where you chose it. With `idOf` only. */
  readonly id?: RequestId;
  /** Whether it may be sent again, instead of what `isIdempotent` says. */
  readonly isIdempotent?: boolean;
}

/** A checked {@linkcode RequestsConfig}. */
export interface RequestsSettings<Q, A> {
  readonly idOf: ((message: A) => RequestId | undefined) | undefined;
  readonly maxId: number;
  readonly isPush: ((message: A) => boolean) | undefined;
  readonly onPush: ((message: A) => unknown) | undefined;
  readonly isIdempotent: ((message: Q) => boolean) | undefined;
  readonly maxRepeats: number;
  readonly maxInFlight: number;
  readonly maxWaiting: number;
  readonly timeoutInMillis: number;
  readonly ping: Q | ((id: number) => Q) | undefined;
  readonly pingInMillis: number;
  readonly pingTimeoutInMillis: number;
  readonly closeTimeoutInMillis: number;
}

/** Reads the config, each field once, checks it and fills in the defaults. */
export function resolveRequests<Q, A>(config: RequestsConfig<Q, A>): RequestsSettings<Q, A> {
  const names = optionNames<RequestsConfig<Q, A>>({
    idOf: true,
    maxId: true,
    isPush: true,
    onPush: true,
    isIdempotent: true,
    maxRepeats: true,
    maxInFlight: true,
    maxWaiting: true,
    timeoutInMillis: true,
    ping: true,
    pingInMillis: true,
    pingTimeoutInMillis: true,
    closeTimeoutInMillis: true,
  });
  const options = readOptions<RequestsConfig<Q, A>>("config", config, names);
  const { maxRepeats = 3, maxInFlight = 1_000, maxWaiting = 100_000, idOf, ping } = options;
  const { timeoutInMillis = 30_000, closeTimeoutInMillis = 5_000, pingInMillis = Infinity } =
    options;
  const { maxId = Number.MAX_SAFE_INTEGER, pingTimeoutInMillis = pingInMillis } = options;
  if (options.maxId !== undefined && idOf === undefined) {
    throw new TypeError("maxId must go together with idOf: without it requests have no ids");
  }
  if ((ping === undefined) !== (pingInMillis === Infinity)) {
    throw new TypeError("config must have both ping and pingInMillis, or neither");
  }
  return Object.freeze({
    idOf: checkFunction("idOf", idOf),
    maxId: checkInteger("maxId", maxId, 1),
    isPush: checkFunction("isPush", options.isPush),
    onPush: checkFunction("onPush", options.onPush),
    isIdempotent: checkFunction("isIdempotent", options.isIdempotent),
    maxRepeats: maxRepeats === Infinity ? Infinity : checkInteger("maxRepeats", maxRepeats, 0),
    maxInFlight: checkLimit("maxInFlight", maxInFlight),
    maxWaiting: checkLimit("maxWaiting", maxWaiting),
    timeoutInMillis: checkInterval("timeoutInMillis", timeoutInMillis),
    ping,
    pingInMillis: checkInterval("pingInMillis", pingInMillis),
    pingTimeoutInMillis: checkInterval("pingTimeoutInMillis", pingTimeoutInMillis),
    closeTimeoutInMillis: checkInterval("closeTimeoutInMillis", closeTimeoutInMillis),
  });
}

const REQUEST_OPTIONS = optionNames<RequestOptions>({
  signal: true,
  timeoutInMillis: true,
  id: true,
  isIdempotent: true,
});

/** Reads the options of one request. */
export function readRequestOptions(given: RequestOptions, hasIds: boolean): RequestOptions {
  const options = readOptions<RequestOptions>("options", given, REQUEST_OPTIONS);
  const { signal, timeoutInMillis, id, isIdempotent } = options;
  if (timeoutInMillis !== undefined) checkInterval("timeoutInMillis", timeoutInMillis);
  if (isIdempotent !== undefined) checkBoolean("isIdempotent", isIdempotent);
  if (id !== undefined) checkId(id, hasIds);
  if (signal === undefined) return options;
  const checked = checkSignal(signal);
  checked.throwIfAborted();
  return { ...options, signal: checked };
}

/** Whether it can be looked for: `NaN` is not even itself. */
export function isId(id: unknown): id is RequestId {
  return typeof id === "string" || typeof id === "number" && !Number.isNaN(id);
}

/** Where answers have ids, a message must have one, too. */
export function checkHasId(message: unknown, id: RequestId | undefined): void {
  if (typeof message === "function" || id !== undefined) return;
  checkAwaited(message);
  throw new TypeError(
    "message must be a function that makes it of an id, or go together with { id }: answers are told apart by idOf",
  );
}

function checkId(id: unknown, hasIds: boolean): void {
  if (!isId(id)) {
    throw new TypeError(`id must be a number or a string: got ${shown(id)}`);
  }
  if (!hasIds) throw new TypeError("id must go together with idOf: answers come in order");
}
