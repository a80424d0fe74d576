// The pull face of messages: receive one, iterate, send.

import { shown } from "../base/arguments.ts";
import { codeOf, type SocketError } from "../base/errors.ts";
import type { DrainedOptions } from "../network/drained.ts";
import { Connection } from "../connection/connection.ts";
import { MORE, type ReadOptions } from "../connection/pull.ts";
import type { Codec } from "./codec.ts";
import { Exchange } from "./exchange.ts";

let friend: <In, Out>(framed: Framed<In, Out>) => Exchange<In, Out>;
let make: <In, Out>(connection: Connection, codec: Codec<In, Out>) => Framed<In, Out>;

/** The inner life, for the rooms above; not exported from mod.ts. */
export function exchangeOf<In, Out>(framed: Framed<In, Out>): Exchange<In, Out> {
  return friend(framed);
}

/**
 * A connection on which messages go instead of bytes. You get one from {@linkcode framed}, or as the caller
 * of the methods that you give to `framedService`.
 *
 * It takes from the connection what makes whole messages, and nothing else: `connection.read` gives what
 * comes behind the last one received, so that a part of the stream may be of another format, or another
 * `Framed` may go on with another codec. The connection has one consumer at a time, as always.
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

  private constructor(connection: Connection, codec: Codec<In, Out>) {
    this.#exchange = new Exchange(connection, codec);
    this.connection = connection;
  }

  /** Is {@linkcode Connection.closed} of its connection. */
  get closed(): Promise<SocketError | undefined> {
    return this.connection.closed;
  }

  /**
   * Receives one message.
   *
   * Giving up: a timeout or an abort takes nothing; the next one gets the message. After a `"frame"` error the
   * next one gets the message behind the bad one, where the codec knows where that is, and else the same
   * error; whoever cannot go on closes.
   *
   * @param options How to give up.
   * @returns The message; `undefined` at the end of the stream, for ever. Bytes in it are yours, but small
   * messages lie in one `ArrayBuffer` with what comes behind them: copy them before you transfer it. Else what
   * was not read yet has gone with it, and a `TypeError` says so.
   * @throws {TypeError | RangeError} An option is wrong.
   * @throws {ReadTimedOutError} Nothing came for as long as allowed; the connection stays open.
   * @throws {GenericError} `"frame"`: the bytes are no message, or one longer than allowed, or the stream ended
   * in the middle of one; or as the connection's `read`.
   */
  receive(options?: ReadOptions): Promise<In | undefined> {
    if (options === undefined) {
      try {
        const message = this.#exchange.take();
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
   * Awaiting is the way to go at the peer's pace. Like a write, it never becomes an unhandled rejection.
   *
   * @param message The message; the bytes in it must not be changed until it resolves.
   * @returns How many bytes it had, when the system has them all.
   * @throws {GenericError} `"frame"`: it cannot be said in this format, or is longer than allowed. Nothing of it
   * is sent, and the connection is not harmed; where nobody looks at the promise, the first such error of a
   * connection is printed with `console.error`. Or as the connection's `write`.
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
    this.#exchange.flush();
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
   * @returns Resolves when the socket is freed.
   */
  close(): Promise<void> {
    this.#exchange.flush();
    return this.connection.close();
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
   * Iterates over the messages as they come, until the peer's end or `close`. Leaving the loop leaves the
   * connection open; a new loop, or `receive`, goes on where it stopped, also after an error that
   * {@linkcode Framed.receive} goes on after.
   */
  [Symbol.asyncIterator](): AsyncIterator<In, undefined> {
    const exchange = this.#exchange;
    return {
      next: () => {
        try {
          const message = exchange.take();
          if (message !== MORE) return Promise.resolve(resultOf(message));
        } catch (error) {
          return Promise.reject(error);
        }
        return exchange.receive(undefined).then(resultOf, endOf);
      },
      return: () => Promise.resolve(resultOf<In>(undefined)),
    };
  }

  /** Closes politely; never hangs on a peer that does not read. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function resultOf<In>(message: In | undefined): IteratorResult<In, undefined> {
  return message === undefined ? { done: true, value: undefined } : { done: false, value: message };
}

/** Closed from this side: that is an end. */
function endOf(error: unknown): IteratorResult<never, undefined> {
  if (codeOf(error) === "closed") return { done: true, value: undefined };
  throw error;
}

/**
 * Makes a connection one on which messages go instead of bytes.
 *
 * @param connection Any connection, at the start of a message.
 * @param codec Says what is a message.
 * @throws {TypeError} The connection or the codec is none.
 *
 * @example A conversation in lines
 * ```ts
 * import { Client, framed, LineCodec, Listener } from "https://deno.land/x/socket@v0.1.0/mod.ts";
 *
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach({
 *   async onConnect(caller) {
 *     await using lines = framed(caller, new LineCodec());
 *     for await (const line of lines) await lines.send(line.toUpperCase());
 *   },
 * });
 * await listener.start();
 *
 * const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
 * await using lines = framed(client, new LineCodec());
 * await lines.send("hello");
 * console.log(await lines.receive()); // HELLO
 * ```
 */
export function framed<In, Out>(connection: Connection, codec: Codec<In, Out>): Framed<In, Out> {
  if (!(connection instanceof Connection)) {
    throw new TypeError(`connection must be a Connection: got ${shown(connection)}`);
  }
  return make(connection, codec);
}
