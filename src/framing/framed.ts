// The pull face of messages: receive one, iterate, send.

import { shown } from "../base/arguments.ts";
import { codeOf, type SocketError } from "../base/errors.ts";
import { Iteration, OVER } from "../base/iteration.ts";
import type { DrainedOptions } from "../network/drained.ts";
import { Connection } from "../connection/connection.ts";
import type { CloseOptions } from "../connection/hurried.ts";
import { MORE, type ReadOptions } from "../connection/pull.ts";
import {
  type HeartbeatSettings,
  type MessageHeartbeatConfig,
  readMessageHeartbeat,
} from "../connection/heartbeat.ts";
import { optionNames, readOptions } from "../base/options.ts";
import type { AnyCodec } from "./codec.ts";
import { Exchange } from "./exchange.ts";

let friend: <In, Out>(framed: Framed<In, Out>) => Exchange<In, Out>;
let make: <In, Out>(connection: Connection, codec: AnyCodec<In, Out>) => Framed<In, Out>;

/** The inside, for framedService; not exported from mod.ts. */
export function exchangeOf<In, Out>(framed: Framed<In, Out>): Exchange<In, Out> {
  return friend(framed);
}

/**
 * How messages go on a connection.
 *
 * @typeParam Out The messages that are sent.
 */
export interface FramedConfig<Out> {
  /**
   * What is sent when this side has been quiet, and when the connection ends because the peer has been; from then on
   * as long as the connection lasts, in the place of one that it had.
   */
  readonly heartbeat?: MessageHeartbeatConfig<Out>;
}

/**
 * Reads a config.
 *
 * @throws {TypeError | RangeError} A field is wrong.
 */
export function readFramedConfig<Out>(
  config: FramedConfig<Out>,
): { readonly heartbeat: HeartbeatSettings<Out> | undefined } {
  const OPTIONS = optionNames<FramedConfig<Out>>({ heartbeat: true });
  const { heartbeat } = readOptions<FramedConfig<Out>>("config", config, OPTIONS);
  return { heartbeat: heartbeat === undefined ? undefined : readMessageHeartbeat(heartbeat) };
}

/**
 * A connection that carries messages instead of bytes. You get one from {@linkcode framed}, or as the caller
 * of the methods that you give to `framedService`.
 *
 * It takes only whole messages from the connection: `connection.read` gives what follows the last one received, so
 * that a part of the stream may have another format, or another `Framed` may continue with another codec. A decoder
 * that takes parts of a message early, as that of `stepDecoder`, has those when a `receive` was given up. The connection
 * has one consumer at a time, as always.
 *
 * @typeParam In The messages that are received.
 * @typeParam Out The messages that are sent.
 */
export class Framed<In, Out = In> implements AsyncIterable<In>, AsyncDisposable {
  /** The connection that the messages go over. */
  readonly connection: Connection;
  readonly #exchange: Exchange<In, Out>;

  static {
    friend = (framed) => framed.#exchange;
    make = (connection, codec) => new Framed(connection, codec);
  }

  private constructor(connection: Connection, codec: AnyCodec<In, Out>) {
    this.#exchange = new Exchange(connection, codec);
    this.connection = connection;
  }

  /** Is {@linkcode Connection.id} of its connection. */
  get id(): number {
    return this.connection.id;
  }

  /** Is {@linkcode Connection.remoteAddress} of its connection. */
  get remoteAddress(): string {
    return this.connection.remoteAddress;
  }

  /** Is {@linkcode Connection.remotePort} of its connection. */
  get remotePort(): number {
    return this.connection.remotePort;
  }

  /** Is {@linkcode Connection.closed} of its connection. */
  get closed(): Promise<SocketError | undefined> {
    return this.connection.closed;
  }

  /** Is {@linkcode Connection.signal} of its connection. */
  get signal(): AbortSignal {
    return this.connection.signal;
  }

  /**
   * Receives one message.
   *
   * Giving up: a timeout or an abort takes nothing; the next call gets the message. After a `"frame"` error the next
   * call gets the message after the bad one, where the codec can find it, else the same error: then close the
   * connection.
   *
   * @param options How to give up.
   * @returns The message; `undefined` at the end of the stream, for ever. Bytes in it are yours, but small messages
   * share one `ArrayBuffer` with what follows them: copy them before you transfer it. Else the unread bytes go with
   * it, and the next read throws a `TypeError`.
   * @throws {TypeError | RangeError} An option is wrong.
   * @throws {ReadTimedOutError} Nothing came for as long as allowed; the connection stays open.
   * @throws {GenericError} `"frame"`: the bytes are no message, or one longer than allowed, or the stream ended
   * in the middle of one; or as the connection's `read`.
   */
  receive(options?: ReadOptions): Promise<In | undefined> {
    if (options === undefined) {
      try {
        const message = this.#exchange.receiveNow();
        if (message !== MORE) return Promise.resolve(message);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.#exchange.receive(options);
  }

  /**
   * Sends one message, after everything sent before.
   *
   * Await it to go at the peer's pace. Like a write, it never becomes an unhandled rejection.
   *
   * @param message The message; the bytes in it must not be changed until it resolves.
   * @returns How many bytes it had, when the system has them all.
   * @throws {GenericError} `"frame"`: the format cannot express it, or it is longer than allowed. Nothing of it is
   * sent, and the connection stays usable; where nobody looks at the promise, the first such error of a connection is
   * printed with `console.error`. Or as the connection's `write`.
   * @throws {TypeError} It is a promise; likewise.
   * @throws {unknown} What the codec's `encode` throws, likewise.
   */
  send(message: Out): Promise<number> {
    return this.#exchange.send(message);
  }

  /**
   * Sends one message, unless the peer is slow: {@linkcode Connection.tryWrite} for messages.
   *
   * @param message The message; the bytes in it must not be changed until they have gone out, which
   * {@linkcode Framed.drained} tells.
   * @returns Whether it was queued, all of it. False, too, where the connection has ended.
   * @throws {GenericError} `"frame"`: it cannot be said in this format, or is longer than allowed. Nothing of it is
   * sent, and the connection is not harmed.
   * @throws {unknown} What the codec's `encode` throws.
   */
  trySend(message: Out): boolean {
    return this.#exchange.trySend(message);
  }

  /**
   * Waits until the system has taken what was sent: is {@linkcode Connection.drained} of its connection.
   *
   * @param options How many bytes may be left, and how to give up.
   */
  drained(options?: DrainedOptions): Promise<void> {
    return this.connection.drained(options);
  }

  /**
   * Sends several messages as one write. If one of them cannot be encoded, none is sent.
   *
   * @param messages The messages.
   * @returns How many bytes they had, when the system has them all.
   * @throws {GenericError} As {@linkcode Framed.send}.
   */
  sendAll(messages: Iterable<Out>): Promise<number> {
    return this.#exchange.sendAll(messages);
  }

  /**
   * Closes the connection politely: what was sent goes out.
   *
   * @param options What hurries it: see {@linkcode Connection.close}.
   * @returns Resolves when the socket is freed.
   * @throws {TypeError} An option is wrong; the connection stays open.
   */
  close(options?: CloseOptions): Promise<void> {
    return this.connection.close(options);
  }

  /**
   * Frees the socket at once: what was sent and has not left yet is gone.
   *
   * @param reason The `cause` of the `"aborted"` error that everybody who waits gets.
   */
  abort(reason?: unknown): void {
    this.connection.abort(reason);
  }

  /**
   * Iterates over the messages as they arrive, until the peer's end or `close`. Leaving the loop leaves the
   * connection open; a new loop, or `receive`, continues where it stopped, also after an error that
   * {@linkcode Framed.receive} recovers from.
   */
  [Symbol.asyncIterator](): AsyncIterator<In, undefined> {
    return new MessageIteration(this.#exchange);
  }

  /** Closes politely; never hangs on a peer that does not read. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class MessageIteration<In, Out> extends Iteration<In> {
  readonly #exchange: Exchange<In, Out>;

  constructor(exchange: Exchange<In, Out>) {
    super();
    this.#exchange = exchange;
  }

  protected step(): Promise<IteratorResult<In, undefined>> {
    try {
      const message = this.#exchange.receiveNow();
      if (message !== MORE) return Promise.resolve(resultOf(message));
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#exchange.receive(undefined, this).then(resultOf, endOf);
  }

  protected leave(): void {
    this.#exchange.leave(this);
  }
}

function resultOf<In>(message: In | undefined): IteratorResult<In, undefined> {
  return message === undefined ? OVER : { done: false, value: message };
}

/** Closed from this side, which is an end. */
function endOf(error: unknown): IteratorResult<never, undefined> {
  if (codeOf(error) === "closed") return OVER;
  throw error;
}

/**
 * Makes a connection carry messages instead of bytes.
 *
 * @param connection Any connection, at the start of a message.
 * @param codec Says what is a message. One that only receives, or only sends, is enough for that direction.
 * @param config What else is sent, and when.
 * @throws {TypeError | RangeError} The connection or the codec is none, or a field of `config` is wrong.
 *
 * @example A conversation in lines
 * ```ts
 * import { Client, framed, LineCodec, Listener } from "socket/mod.ts";
 *
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach({
 *   async onConnect(caller) {
 *     await using lines = framed(caller, new LineCodec());
 *     for await (const line of lines) await lines.send(`${line.length} letters`);
 *   },
 * });
 * await listener.start();
 *
 * const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
 * await using lines = framed(client, new LineCodec());
 * await lines.send("hello");
 * console.log(await lines.receive()); // 5 letters
 * ```
 */
export function framed<In = never, Out = never>(
  connection: Connection,
  codec: AnyCodec<In, Out>,
  config?: FramedConfig<Out>,
): Framed<In, Out>;
export function framed<In = never, Out = never>(
  connection: Connection,
  codec: AnyCodec<In, Out>,
  config: FramedConfig<Out> = {},
): Framed<In, Out> {
  if (!(connection instanceof Connection)) {
    throw new TypeError(`connection must be a Connection: got ${shown(connection)}`);
  }
  const { heartbeat } = readFramedConfig(config);
  const messages = make(connection, codec);
  if (heartbeat !== undefined) friend(messages).beat(heartbeat);
  return messages;
}
