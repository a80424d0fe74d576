// The callback face of messages: a service whose methods get and give messages.
//
//   what one read brought --> onMessage, one after the other --> replies gathered --> one write
//
// Invariants: replies go out in the order of the messages they answer; replies that a peer does not take are not
// gathered without end, and a slow peer is not read from meanwhile.

import { shown } from "../base/arguments.ts";
import { ignore, isSocketError } from "../base/errors.ts";
import type { ConnectionEnd } from "../connection/connection_end.ts";
import type { Caller, Service } from "../connection/service.ts";
import { methodsOf } from "../base/service_methods.ts";
import { attempt, giveUp, isThenable, printThrown } from "../base/user_code.ts";
import { young } from "../base/young.ts";
import { type Codec, type ReceivingCodec, wholeCodec, withoutDecoder } from "./codec.ts";
import { SKIPPED } from "./bad_frames.ts";
import { checkAwaited, type Exchange } from "./exchange.ts";
import { exchangeOf, type Framed, framed, type FramedConfig, readFramedConfig } from "./framed.ts";
import type { HeartbeatSettings } from "../connection/heartbeat.ts";

/**
 * What is sent back for a message: a message, several (an iterator, as generators give one, or an async
 * iterable), or nothing. An array is one message. An async iterable is left when the connection is over: nobody waits
 * for a step of it that is under way, as is done for a promise.
 *
 * @typeParam Out The messages that are sent.
 */
export type Reply<Out> =
  | Out
  | IteratorObject<Out, unknown, unknown>
  | AsyncIterable<Out>
  | undefined
  | void;

/**
 * The methods of a service that gets messages. Calls for one connection never overlap, and `this` is the
 * object that they belong to. A method that throws ends its connection, after `onError`, and no other.
 *
 * @typeParam In The messages that are received.
 * @typeParam Out The messages that are sent.
 */
export interface MessageService<In, Out = In> {
  /** A connection was accepted (or, for a client, made). */
  onConnect?(caller: Framed<In, Out>): void | Promise<void>;

  /**
   * A message has arrived. The next one waits until this call has settled.
   *
   * @param caller The sender. What you `send` goes out at once, after the replies before it.
   * @param message The message.
   * @returns What is sent back: see {@linkcode Reply}; or a promise of it.
   */
  onMessage(caller: Framed<In, Out>, message: In): Reply<Out> | Promise<Reply<Out>>;

  /**
   * Its listener is being stopped, and the connection has nothing to do: it closes when this has settled. What is sent
   * here still goes out. Messages that arrive meanwhile are still handled, and their answers go out after the farewell.
   * See {@linkcode Service.onStop}.
   */
  onStop?(caller: Framed<In, Out>): void | Promise<void>;

  /**
   * The connection ends with an error: its own, a bad frame, or what a method of this service or the codec threw. What
   * is sent here after the latter two still goes out; a timeout, a limit or a reset has ended the connection. A codec
   * that makes no decoder ends it before `onConnect`.
   */
  onError?(caller: Framed<In, Out>, error: Error): void | Promise<void>;

  /** The connection is over, and `end` says how. A stop of its listener waits for it until the deadline. */
  onClose?(caller: Framed<In, Out>, end: ConnectionEnd): void | Promise<void>;
}

const METHODS = ["onConnect", "onMessage", "onStop", "onError", "onClose"] as const;

/**
 * Makes a service that gets messages, for `attach` and `callbackService`. One serves any number of
 * connections.
 *
 * The replies to what one read brought go out as one write, unless one of them takes long; in any case before whatever
 * else is written to the connection, and before its end. A peer that does not take its replies is not read from
 * meanwhile: it feels the back-pressure.
 *
 * @param codec Says what is a message; one that only receives, where nothing is sent.
 * @param service Its methods; `onMessage` is required.
 * @param config What else is sent on each connection, and when.
 * @throws {TypeError | RangeError} The codec or the service is not one, or a field of `config` is wrong.
 *
 * @example
 * ```ts
 * import { framedService, LineCodec, Listener } from "socket/mod.ts";
 *
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach(framedService(new LineCodec({ maxFrameLength: 1_000 }), {
 *   onMessage: (_caller, line) => `${line.length} letters`,
 * }));
 * await listener.start();
 * ```
 */
export function framedService<In, Out>(
  codec: Codec<In, Out> | ReceivingCodec<In>,
  service: MessageService<In, Out>,
  config?: FramedConfig<Out>,
): Service;
export function framedService<In, Out>(
  codec: Codec<In, Out> | ReceivingCodec<In>,
  service: MessageService<In, Out>,
  config: FramedConfig<Out> = {},
): Service {
  const methods = methodsOf<MessageService<In, Out>>(service, METHODS);
  if (methods.onMessage === undefined) {
    throw new TypeError("service must have the method onMessage");
  }
  return new FramedService(wholeCodec<In, Out>(codec), methods, readFramedConfig(config).heartbeat);
}

/** A reply that has to be awaited. */
type Deferred<Out> =
  | PromiseLike<Reply<Out>>
  | IteratorObject<Out, unknown, unknown>
  | AsyncIterable<Out>;

class FramedService<In, Out> implements Service {
  readonly #codec: Codec<In, Out>;
  readonly #service: MessageService<In, Out>;
  readonly #heartbeat: HeartbeatSettings<Out> | undefined;
  readonly #callers = new WeakMap<Caller, Framed<In, Out>>();
  readonly onStop?: NonNullable<Service["onStop"]>;
  readonly onError?: NonNullable<Service["onError"]>;
  readonly onClose?: NonNullable<Service["onClose"]>;

  constructor(
    codec: Codec<In, Out>,
    service: MessageService<In, Out>,
    heartbeat: HeartbeatSettings<Out> | undefined,
  ) {
    this.#heartbeat = heartbeat;
    this.#codec = codec;
    this.#service = service;
    // Defined only where the service has them: the caller behaves differently without.
    if (service.onStop !== undefined) {
      this.onStop = young((caller) => service.onStop!(this.#callers.get(caller)!));
    }
    if (service.onError !== undefined) {
      this.onError = young((caller, error) => {
        return service.onError!(this.#callers.get(caller)!, error);
      });
    }
    if (service.onClose !== undefined) {
      this.onClose = young((caller, end) => {
        return service.onClose!(this.#callers.get(caller)!, end);
      });
    }
  }

  onConnect(caller: Caller): void | Promise<void> {
    const messages = this.#framed(caller);
    if (this.#heartbeat !== undefined) exchangeOf(messages).beat(this.#heartbeat);
    return this.#service.onConnect?.(messages);
  }

  #framed(caller: Caller): Framed<In, Out> {
    try {
      const messages = framed(caller, this.#codec);
      this.#callers.set(caller, messages);
      return messages;
    } catch (error) {
      // The codec made no decoder. `onError` may say so to the peer.
      this.#callers.set(caller, framed(caller, withoutDecoder(this.#codec, error)));
      throw error;
    }
  }

  onReadReady(caller: Caller): void | Promise<void> {
    const framed = this.#callers.get(caller)!;
    const exchange = exchangeOf(framed);
    try {
      for (let message; (message = exchange.next()) !== undefined;) {
        const reply = message === SKIPPED ? undefined : this.#service.onMessage(framed, message);
        if (reply !== undefined) {
          if (isDeferred(reply)) return this.#goOn(framed, reply);
          exchange.append(reply as Out);
          const slow = exchange.isFull ? exchange.flushAtPace() : undefined;
          if (slow !== undefined) return this.#goOn(framed, slow.then(() => {}));
        }
        if (exchange.mustStepBack) return this.#goOn(framed, stepBack(exchange));
      }
    } catch (error) {
      // Earlier messages are answered all the same.
      exchange.flush();
      throw error;
    }
    return exchange.flushAtPace()?.then(() => {});
  }

  /** Continues after something that had to be awaited. */
  async #goOn(framed: Framed<In, Out>, first: Deferred<Out>): Promise<void> {
    const exchange = exchangeOf(framed);
    let reply: Reply<Out> | Promise<Reply<Out>> | Deferred<Out> = first;
    try {
      for (;;) {
        if (isThenable(reply)) {
          exchange.flushSoon();
          reply = await reply;
        }
        if (isDeferred(reply)) {
          await gather(exchange, reply as Reply<Out>);
        } else if (reply !== undefined) {
          exchange.append(reply as Out);
          if (exchange.isFull) await exchange.flushAtPace();
        }
        if (exchange.mustStepBack) await stepBack(exchange);
        const message = exchange.next();
        if (message === undefined) break;
        reply = message === SKIPPED ? undefined : this.#service.onMessage(framed, message);
      }
    } catch (error) {
      exchange.flush();
      throw error;
    }
    await exchange.flushAtPace();
  }
}

/** Gathers several replies to one message. */
async function gather<Out>(exchange: Exchange<unknown, Out>, reply: Reply<Out>): Promise<void> {
  if (isAsyncIterable<Out>(reply)) return await sendAsTheyCome(exchange, reply);
  const messages = isIterator<Out>(reply) ? reply : [reply as Out].values();
  try {
    for (const message of messages) {
      checkAwaited(message);
      exchange.append(message);
      if (exchange.isFull) await exchange.flushAtPace();
      if (exchange.mustStepBack) await stepBack(exchange);
      if (!exchange.isOpen) break;
    }
  } catch (error) {
    // Those behind a promise that was refused may be promises, too. A generator has ended.
    attempt(() => Iterator.from(messages).take(MOST_GIVEN_UP).forEach(giveUp)).catch(ignore);
    throw error;
  }
}

/** After so many it is an endless row, not a list with a forgotten `await`. */
const MOST_GIVEN_UP = 1_000;

/** Sends messages as the iterable gives them, and stops asking for more when the connection is over. */
async function sendAsTheyCome<Out>(
  exchange: Exchange<unknown, Out>,
  messages: AsyncIterable<Out>,
): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]();
  // One wait for the end of the connection, not one for each message.
  let giveUp: () => void = ignore;
  exchange.whenFreed(() => giveUp());
  let isExhausted = false;
  try {
    while (exchange.isOpen) {
      await exchange.flushAtPace();
      if (exchange.mustStepBack) await exchange.stepBack();
      isExhausted = true;
      const result = await new Promise<IteratorResult<Out> | undefined>((resolve, reject) => {
        giveUp = () => resolve(undefined);
        Promise.resolve(iterator.next()).then(resolve, reject);
      });
      if (result === undefined && !exchange.isOpen) {
        isExhausted = false;
        return;
      }
      if (typeof result !== "object" || result === null) {
        throw new TypeError(`An iterator's next() must give an object: got ${shown(result)}`);
      }
      if (result.done === true) return;
      isExhausted = false;
      checkAwaited(result.value);
      exchange.append(result.value);
    }
  } finally {
    // Not awaited: an iterator that waits for something returns only after that, which may be never.
    if (!isExhausted) attempt(() => iterator.return?.()).catch(tellNews);
  }
}

/** Lets other connections go first; what is gathered is sent before. */
async function stepBack(exchange: Exchange<unknown, never>): Promise<undefined> {
  exchange.flush();
  await exchange.stepBack();
}

/** Prints what an iterator throws when it is stopped, unless it is only the end of the connection. */
function tellNews(thrown: unknown): void {
  if (!isSocketError(thrown)) printThrown(thrown);
}

function isDeferred<Out>(reply: unknown): reply is Deferred<Out> {
  return typeof reply === "object" && reply !== null &&
    (isThenable(reply) || isIterator(reply) || isAsyncIterable(reply));
}

function isIterator<T>(value: unknown): value is IteratorObject<T, unknown, unknown> {
  return typeof (value as Partial<Iterator<T>> | null)?.next === "function" &&
    typeof (value as Partial<Iterable<T>>)[Symbol.iterator] === "function";
}

function isAsyncIterable<T>(value: unknown): value is AsyncIterable<T> {
  return typeof (value as Partial<AsyncIterable<T>> | null)?.[Symbol.asyncIterator] === "function";
}
