// UdpSession: one peer of a listener, as if it had a socket of its own.

import { checkReadLength } from "../base/arguments.ts";
import { mayBeOptions } from "../base/options.ts";
import type { Datagram } from "./datagram.ts";
import { GenericError, rejected, type SocketError, stackless } from "../base/errors.ts";
import { uniqueId } from "../base/unique_id.ts";
import { checkDrained, type DrainedOptions } from "../network/drained.ts";
import { knowShareHost } from "../network/share.ts";
import type { SessionCore } from "./session_core.ts";
import {
  bytesShape,
  checkLimits,
  iterationOf,
  type ReceiveOptions,
  type UdpChannel,
} from "./udp_channel.ts";
import { sendDatagram, type UdpCaller } from "./udp_caller.ts";

let make: (core: SessionCore) => UdpSession;
let friend: (session: UdpSession) => SessionCore;

/** Makes the face of a session; not exported from mod.ts. */
export function sessionOf(core: SessionCore): UdpSession {
  return make(core);
}

/** The core below the face of a session; not exported from mod.ts. */
export function coreOf(session: UdpSession): SessionCore {
  return friend(session);
}

/**
 * A peer of a {@linkcode UdpListener}, with the face of a connected {@linkcode UdpClient}: it hears only this peer and
 * sends to it. It begins with the peer's first datagram. It ends when it is closed, when nothing arrived for
 * `sessionIdleTimeoutInMillis`, or when the listener stops. A later datagram of the peer begins another session. After
 * its end it sends nothing, and only what it has if it was idle can still be read.
 */
export class UdpSession implements UdpChannel, UdpCaller {
  /** Unique in this process, among connections and sessions. */
  readonly id: number = uniqueId();
  readonly #core: SessionCore;

  private constructor(core: SessionCore) {
    this.#core = core;
  }

  static {
    make = (core) => new UdpSession(core);
    friend = (session) => session.#core;
    knowShareHost((it) => #core in it ? it.#core.socket.shareHost : undefined);
  }

  /** IP address of the peer. */
  get remoteAddress(): string {
    return this.#core.peer.hostname;
  }

  /** Port of the peer. */
  get remotePort(): number {
    return this.#core.peer.port;
  }

  /**
   * The local IP address that the datagram came to that was read last (until one was read, the one that arrived last),
   * where the engine knows it and the listener is bound to all; else the one that the listener is bound to. What is
   * sent to the peer leaves from there.
   */
  get localAddress(): string {
    return this.#core.answerTo.localAddress ?? this.#core.socket.local.host;
  }

  /** The index of the network interface that the same datagram came in by, where the engine knows it. */
  get networkInterface(): number | undefined {
    return this.#core.answerTo.networkInterface;
  }

  /** The local port. */
  get localPort(): number {
    return this.#core.socket.local.port;
  }

  /**
   * How many bytes wait to be sent by the listener's socket, which all its sessions share. Each datagram counts 256
   * bytes extra.
   */
  get queuedBytes(): number {
    return this.#core.socket.queuedBytes;
  }

  /** How many datagrams of this peer were dropped because the session's queue was full. */
  get droppedDatagrams(): number {
    return this.#core.droppedDatagrams;
  }

  /**
   * Resolves when the session is over: with `undefined` after `close` or a stop of the listener, with `"timed-out"`
   * when it was idle too long, with `"aborted"` or `"handler"`, or with the error that ended the listener. Never
   * rejects.
   */
  get closed(): Promise<SocketError | undefined> {
    return this.#core.closed;
  }

  /**
   * Aborts as soon as the session ends, even while a handler runs. The reason is a `SocketError`: the one that ended
   * the session, or `"closed"`.
   */
  get signal(): AbortSignal {
    return this.#core.signal;
  }

  /**
   * Receives one datagram of the peer.
   *
   * *Giving up*: a timeout or the signal ends the wait. No datagram is lost: the next call gets it.
   *
   * @param length At most this many bytes are returned; the rest of a longer datagram is dropped. Left out: all of it.
   * @param options How to wait.
   * @returns The bytes, which are yours, and their count.
   * @throws {RangeError | TypeError} An argument is wrong.
   * @throws {ReadTimedOutError} Nothing arrived in time.
   * @throws {SocketError} `"closed"`, or the error that ended the session.
   */
  read(length?: number, options?: ReceiveOptions): Promise<[bytes: Uint8Array, length: number]>;
  /**
   * Receives one datagram of the peer, all of it, as `read()` does.
   *
   * @param options How to wait.
   * @returns The bytes, which are yours, and their count.
   * @throws {Error} As in the other `read`.
   */
  read(options: ReceiveOptions): Promise<[bytes: Uint8Array, length: number]>;
  read(
    given?: number | ReceiveOptions,
    options?: ReceiveOptions,
  ): Promise<[bytes: Uint8Array, length: number]> {
    if (options === undefined && mayBeOptions<ReceiveOptions>(given)) {
      return this.read(undefined, given);
    }
    const length = given as number | undefined;
    try {
      if (length !== undefined) checkReadLength(length);
      const limits = checkLimits(options, this.#core.settings.limits);
      return this.#core.take(bytesShape(length), limits);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends content to the peer, in as many datagrams as needed: at most `datagramSize` bytes in each. Empty content is
   * one empty datagram.
   *
   * @param content Bytes, or a string, which is sent as UTF-8. You may change it as soon as the call has returned.
   * @returns How many bytes were sent. Resolves when the system has them all.
   * @throws {TypeError} The content is wrong.
   * @throws {SocketError} It could not be sent, and the session stays usable; or `"closed"`.
   */
  write(content: Uint8Array | string): Promise<number> {
    try {
      return this.#core.write(content);
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Sends content like `write`, all of it or none. It sends none if the system has refused so much that more than
   * `maxQueuedBytes` would wait. A datagram that cannot be sent is lost without a report.
   *
   * @param content Bytes, or a string, which is sent as UTF-8. You may change it as soon as the call has returned.
   * @returns Whether the content was queued. Also false when the session is closed.
   * @throws {TypeError} The content is wrong.
   */
  tryWrite(content: Uint8Array | string): boolean {
    return this.#core.tryWrite(content);
  }

  /**
   * Waits until the system has taken what was written, or until `queuedBytes` is less than `below`. Like a write, it
   * never becomes an unhandled rejection.
   *
   * @param options How much may be left, and how to give up.
   * @throws {TypeError | RangeError} An option is wrong.
   * @throws {SocketError} `"timed-out"`: it took longer than `timeoutInMillis`; or the error that ended the session.
   */
  drained(options?: DrainedOptions): Promise<void> {
    try {
      return this.#core.drained(checkDrained(options));
    } catch (error) {
      return rejected(error);
    }
  }

  /** The same as {@linkcode UdpSession.write}, under the name that a caller has for it. */
  sendBytes(content: Uint8Array | string): Promise<number> {
    return this.write(content);
  }

  /**
   * Sends one datagram from the listener's port to anybody.
   *
   * @param datagram The address to send to, and the content.
   * @returns How many bytes were sent. Resolves when the system has them.
   * @throws {TypeError | RangeError} The datagram is wrong.
   * @throws {SocketError} It could not be sent; or what ended the session.
   */
  sendDatagram(datagram: Datagram): Promise<number> {
    const refusal = this.#core.refusal("send");
    return refusal === undefined ? sendDatagram(this.#core.socket, datagram) : rejected(refusal);
  }

  /**
   * Ends the session. A waiting read rejects with `"closed"`; an iteration ends; what was written is still sent. What
   * waits to be read is dropped and counted.
   *
   * @returns Resolves when the session is over.
   */
  async close(): Promise<void> {
    this.#core.close();
    await this.#core.closed;
  }

  /**
   * Ends the session at once, as an error. What waits to be read is dropped and counted, as by `close`.
   *
   * @param reason Becomes the `cause` of the `"aborted"` that `closed` resolves with.
   */
  abort(reason?: unknown): void {
    const options = { cause: reason };
    const error = stackless(() => new GenericError("aborted", "The session was aborted", options));
    this.#core.end(error, "local");
  }

  /**
   * Iterates over the peer's datagrams until the session is over: closed, idle too long, or the listener stopped.
   * Waits at most `readTimeoutInMillis` for each, then throws a {@linkcode ReadTimedOutError}. Leaving the loop leaves
   * the session open.
   */
  [Symbol.asyncIterator](): AsyncIterator<Datagram, undefined> {
    return iterationOf(this.#core, this.#core.settings.limits);
  }

  /** The same as {@linkcode UdpSession.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
