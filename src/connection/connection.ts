// Connection: one end of a byte stream, as users see it. This file says what it does; stream_core.ts, reader.ts and
// writer.ts say how.

import { endOf, hostAt, portAt } from "../base/address.ts";
import {
  checkInterval,
  checkMethods,
  checkReadLength,
  checkTarget,
  contentBytes,
  refused,
} from "../base/arguments.ts";
import {
  type ConnectionConfig,
  type ConnectionSettings,
  resolveConnectionConfig,
} from "./connection_config.ts";
import {
  DelimitedReader,
  type ReadLineOptions,
  type ReadUntilOptions,
} from "./delimited_reader.ts";
import { type CloseOptions, hurriedBy, readSignal, type UpgradeOptions } from "./hurried.ts";
import { ByteIteration } from "./byte_iteration.ts";
import { StreamCore } from "./stream_core.ts";
import type { Origin } from "./origin.ts";
import { closedError, rejected, type SocketError } from "../base/errors.ts";
import { mayBeOptions } from "../base/options.ts";
import { uniqueId } from "../base/unique_id.ts";
import { checkDrained, type DrainedOptions } from "../network/drained.ts";
import type { ProxyHeader } from "../proxy/proxy_header.ts";
import type { Transport } from "../network/network.ts";
import { type MORE, pull, type ReadOptions, type ReadResult } from "./pull.ts";
import type { SecureInfo } from "../network/secure_info.ts";
import { secureOf } from "../network/told.ts";
import {
  ask,
  type BufferSizes,
  type PeerCredentials,
  type SystemSocket,
  type TcpInfo,
} from "../network/socket_info.ts";
import type { ClientSecureSocketConfig } from "../tls/client_secure_socket_config.ts";
import type { ListenerSecureSocketConfig } from "../tls/listener_secure_socket_config.ts";
import { upgrade } from "./upgrade.ts";
import type { Reader } from "./reader.ts";
import { readableOf, writableOf } from "./web_streams.ts";

let friend: (connection: Connection) => StreamCore;
let isLocked: (connection: Connection) => boolean;

/** Makes a connection with an origin, of a class without a constructor of its own. */
export function connectionFrom<Made extends Connection>(
  origin: Origin,
  Kind: new (transport: Transport, config: ConnectionConfig) => Made,
  transport: Transport,
  config: ConnectionConfig | ConnectionSettings,
): Made {
  return Reflect.construct(Kind, [transport, config, origin]);
}

/** The inside of a connection, for other modules; not exported from mod.ts. */
export function coreOf(connection: Connection): StreamCore {
  return friend(connection);
}

/** Whether somebody has a reader or a writer of one of its web streams. */
export function hasLockedStream(connection: Connection): boolean {
  return isLocked(connection);
}

/**
 * One end of a byte stream. Reads can be given up without losing a byte, writes go out whole and in order, and `close`
 * ends it politely.
 *
 * You get one from {@linkcode Client.connect} or from a {@linkcode Listener}, which calls it `Caller`; or make one
 * yourself over any other {@linkcode Transport}.
 *
 * A connection has one consumer at a time: a service that reads, an iteration, a stream, or you. A second wait at the
 * same time is refused with `"busy"`. Bytes are read from the system only while a read waits for them. So a connection
 * that nobody reads notices that its peer has gone only by a failing write, by `idleTimeoutInMillis`, or if its
 * {@linkcode Connection.signal} was asked for.
 *
 * @example Reading a message of known length
 * ```ts
 * import { Client, Listener } from "socket/mod.ts";
 *
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach({
 *   onConnect(caller) {
 *     void caller.write("hello, world");
 *     void caller.close();
 *   },
 * });
 * await listener.start();
 *
 * await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
 * const [bytes, length] = await client.read(5);
 * console.log(length, new TextDecoder().decode(bytes)); // 5 hello
 * ```
 */
export class Connection implements AsyncIterable<Uint8Array<ArrayBuffer>>, AsyncDisposable {
  /** Unique in this process. */
  readonly id: number;
  readonly #core: StreamCore;
  #delimitedReader: DelimitedReader | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array | string> | undefined;

  static {
    friend = (connection) => connection.#core;
    isLocked = (connection) =>
      connection.#readable?.locked === true || connection.#writable?.locked === true;
  }

  /**
   * Makes a connection over any byte stream.
   *
   * @param transport An open stream; the connection frees it.
   * @param config How it behaves.
   * @throws {TypeError | RangeError} The transport is not one, or a field of `config` is wrong.
   */
  constructor(transport: Transport, config?: ConnectionConfig);
  // Only connectionFrom() passes an origin.
  constructor(transport: Transport, config: ConnectionConfig = {}, origin?: Origin) {
    const settings = resolveConnectionConfig(config);
    this.id = origin?.id ?? uniqueId();
    checkMethods("transport", transport, "read", "write", "closeWrite", "close");
    // Those of this library have them, and some find them out only when they are asked.
    if (origin === undefined) checkAddresses(transport);
    this.#core = new StreamCore(transport, settings, origin);
  }

  /** The peer's IP address (or socket path). */
  get remoteAddress(): string {
    return hostAt(this.#core.transport, "remoteAddr");
  }

  /** The peer's port, or 0 if it has none. */
  get remotePort(): number {
    return portAt(this.#core.transport, "remoteAddr");
  }

  /** The IP address (or socket path) of this end. */
  get localAddress(): string {
    return hostAt(this.#core.transport, "localAddr");
  }

  /** The port of this end, or 0 if it has none. */
  get localPort(): number {
    return portAt(this.#core.transport, "localAddr");
  }

  /**
   * What a proxy has said about this connection, if a listener reads the PROXY protocol. The addresses of the peer are
   * then those of the client that the proxy names.
   */
  get proxy(): ProxyHeader | undefined {
    return this.#core.origin.proxy;
  }

  /** What was agreed on with the peer, if the connection is secure. That a proxy on the way is says nothing. */
  get secure(): SecureInfo | undefined {
    return secureOf(this.#core.transport);
  }

  /**
   * Who is at the other end of a local (Unix) socket: process, user and group, as the system knew them when they
   * connected. `undefined` if the connection is no local one. Needs `linuxNetwork`.
   *
   * @throws {GenericError} `"unsupported"`: the network cannot tell; or as in {@linkcode Connection.tcpInfo}.
   */
  get peerCredentials(): PeerCredentials | undefined {
    if (endOf(this.#core.transport, "localAddr")?.transport !== "unix") return undefined;
    return ask(this.#systemSocket("read who the peer is"), "peerCredentials");
  }

  /**
   * What the system knows of the TCP connection now: round-trip time, retransmits, the congestion window, the state.
   * Over TLS it is that of the connection below. Needs `linuxNetwork`.
   *
   * @returns A frozen record; each call asks the system anew.
   * @throws {GenericError} `"unsupported"`: the network cannot tell, or it is no TCP. `"closed"`: the connection was
   * freed. `"broken"`: the system gives no answer.
   *
   * @example A report about a slow peer
   * ```ts
   * import { type Connection } from "socket/mod.ts";
   *
   * function describe(caller: Connection): string {
   *   const { roundTripTimeInMillis, totalRetransmits, state } = caller.tcpInfo();
   *   return `${state}, ${roundTripTimeInMillis} ms, ${totalRetransmits} sent again`;
   * }
   * ```
   */
  tcpInfo(): TcpInfo {
    return ask(this.#systemSocket("read what TCP knows of the connection"), "tcpInfo");
  }

  /**
   * How large the system's buffers are: what it gave for `receiveBufferSize` and `sendBufferSize`, or what it has
   * chosen. Needs `linuxNetwork`.
   *
   * @returns A frozen record; each call asks the system anew.
   * @throws {GenericError} As in {@linkcode Connection.tcpInfo}.
   */
  bufferSizes(): BufferSizes {
    return ask(this.#systemSocket("read the sizes of the system's buffers"), "bufferSizes");
  }

  #systemSocket(action: string): SystemSocket | undefined {
    if (this.#core.isFreed) throw closedError(action);
    return this.#core.transport.system;
  }

  /** How many bytes were received so far, read or not. */
  get bytesRead(): number {
    return this.#core.reader.bytesRead;
  }

  /** How many bytes the system has taken for sending so far. */
  get bytesWritten(): number {
    return this.#core.writer.bytesWritten;
  }

  /** How many written bytes still wait to be sent: look here before writing to a peer that may be slow. */
  get queuedBytes(): number {
    return this.#core.writer.queuedBytes;
  }

  /**
   * How long a read waits for the next byte, in milliseconds, or `Infinity`. Setting it affects reads and steps of a
   * loop that begin later: one that waits keeps its own. The initial value is that of the config.
   *
   * @throws {TypeError | RangeError} It is set to a value that is not allowed.
   */
  get readTimeoutInMillis(): number {
    return this.#core.readTimeoutInMillis;
  }

  set readTimeoutInMillis(value: number) {
    this.#core.readTimeoutInMillis = checkInterval("readTimeoutInMillis", value);
  }

  /**
   * How long no byte may be received or sent, in milliseconds, or `Infinity`. Setting it begins the time anew. The
   * initial value is that of the config, whose `idleBy` says what counts.
   *
   * @throws {TypeError | RangeError} It is set to a value that is not allowed.
   *
   * @example A client that announces how often it sends
   * ```ts
   * import { type Connection } from "socket/mod.ts";
   *
   * function onGreeting(caller: Connection, keepAliveInSeconds: number): void {
   *   caller.idleTimeoutInMillis = keepAliveInSeconds * 1_500;
   * }
   * ```
   */
  get idleTimeoutInMillis(): number {
    return this.#core.idleTimeoutInMillis;
  }

  set idleTimeoutInMillis(value: number) {
    this.#core.idleTimeoutInMillis = checkInterval("idleTimeoutInMillis", value);
  }

  /**
   * Resolves when everything is over, and never rejects: `undefined` after `close` or the peer's end, else
   * the error that ended it (`"aborted"` and `"handler"` carry the reason as `cause`).
   */
  get closed(): Promise<SocketError | undefined> {
    return this.#core.closed;
  }

  /**
   * Aborts at once when the connection ends: by a reset, a failure, a timeout, `close`, `abort`, or a stop. It does so
   * even while a method of a service runs, for which `closed` waits. Its reason is the `SocketError` that ended the
   * connection, or `"closed"` if there is none. The end of what the peer sends does not end the connection. A stop that
   * only ends the reading of a handler aborts it, too: give it to nothing whose answer shall go out then.
   *
   * Asking for it allows reading ahead: from then on one read of the system is under way even while nobody waits for
   * bytes, as long as fewer than 64 KiB are unread. It shows that the peer has gone, and loses nothing: what came
   * before can still be read. At most 128 KiB are read ahead. A reset behind more than that, or behind the peer's end,
   * is noticed only by a failing write. A connection that is read ahead cannot be made secure any more: call
   * `upgradeToTls` first.
   *
   * @example Work that ends with its client
   * ```ts
   * import { type Connection } from "socket/mod.ts";
   *
   * async function answer(caller: Connection, url: string): Promise<void> {
   *   const response = await fetch(url, { signal: caller.signal });
   *   await caller.write(await response.text());
   * }
   * ```
   */
  get signal(): AbortSignal {
    return this.#core.signal;
  }

  /**
   * Reads bytes. Without a length: everything that has arrived, at least one byte. With a length: exactly that many. At
   * the end of the stream: what is left, then an empty array and -1 for ever.
   *
   * Giving up: a timeout or an abort ends the wait and takes nothing; the next read gets the bytes.
   *
   * @param length How many bytes, 1 or more.
   * @param options How to give up.
   * @returns The bytes, which are yours, and their count. They may be a view into a larger buffer that other reads of
   * this connection share.
   * @throws {RangeError | TypeError} The length or an option is wrong.
   * @throws {ReadTimedOutError} Nothing arrived for as long as allowed; the connection stays open.
   * @throws {GenericError} `"busy"`: another wait is under way; `"closed"`; or what ended the connection.
   */
  read(length?: number, options?: ReadOptions): Promise<ReadResult>;
  /**
   * Reads bytes into memory of yours, as many as have arrived and fit, at least one. So no memory is allocated for each
   * read. A read that was given up writes nothing there.
   *
   * @param into Where they are put, from its start: at least one byte.
   * @param options How to give up.
   * @returns The part of `into` that was filled, and its length; an empty array and -1 at the end of the stream.
   * @throws {RangeError | TypeError} `into` or an option is wrong.
   * @throws {ReadTimedOutError} Nothing arrived for as long as allowed; the connection stays open.
   * @throws {GenericError} As in the other `read`.
   */
  read<Buffer extends ArrayBufferLike>(
    into: Uint8Array<Buffer>,
    options?: ReadOptions,
  ): Promise<[bytes: Uint8Array<Buffer>, length: number]>;
  /**
   * Reads everything that has arrived, at least one byte, as `read()` does.
   *
   * @param options How to give up.
   * @returns As `read()`.
   * @throws {RangeError | TypeError} An option is wrong.
   * @throws {ReadTimedOutError} Nothing arrived for as long as allowed; the connection stays open.
   * @throws {GenericError} As in the other `read`.
   */
  read(options: ReadOptions): Promise<ReadResult>;
  read(
    wanted?: number | Uint8Array | ReadOptions,
    options?: ReadOptions,
  ): Promise<[Uint8Array, number]> {
    const { reader } = this.#core;
    if (wanted instanceof Uint8Array) {
      return this.#pull(options, 1, () => intoAttempt(reader, wanted));
    }
    if (options === undefined && wanted === undefined && !reader.isWaiting && reader.mayHave(1)) {
      try {
        return Promise.resolve(reader.take());
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (options === undefined && mayBeOptions<ReadOptions>(wanted)) {
      return this.read(undefined, wanted);
    }
    const length = wanted as number | undefined;
    return this.#pull(options, length ?? 1, () => {
      if (length !== undefined) checkReadLength(length);
      return () => reader.take(length);
    });
  }

  /**
   * Reads bytes up to and including the next delimiter. At the end of the stream: what is left, then an empty array and
   * -1 for ever.
   *
   * Giving up: a timeout, an abort or an exceeded limit takes nothing. What has arrived is there for the next read, of
   * any kind, and no byte is searched twice.
   *
   * @param delimiter At least one byte; text stands for its UTF-8.
   * @param options How to give up, and how many bytes may precede the delimiter: 1 MiB without a `limit`.
   * @returns The bytes, which are yours, and their count, as in `read`.
   * @throws {RangeError | TypeError} The delimiter or an option is wrong.
   * @throws {ReadTimedOutError} Nothing arrived for as long as allowed; the connection stays open.
   * @throws {GenericError} `"frame"`: the delimiter can no longer arrive within the limit; or as in `read`.
   *
   * @example The head of an HTTP message
   * ```ts
   * import { type Connection } from "socket/mod.ts";
   *
   * async function readHead(connection: Connection): Promise<string> {
   *   const [head] = await connection.readUntil("\r\n\r\n", { limit: 16_384 });
   *   return new TextDecoder().decode(head);
   * }
   * ```
   */
  readUntil(delimiter: Uint8Array | string, options?: ReadUntilOptions): Promise<ReadResult>;
  readUntil(delimiter: Uint8Array | string, options: ReadUntilOptions = {}): Promise<ReadResult> {
    return this.#pull(options, 1, () => this.#delimited.until(delimiter, options));
  }

  /**
   * Reads a line of UTF-8 text, ended by LF or CRLF. What follows the last one before the end of the stream is a line
   * too, unless it is empty or a carriage return alone. A byte order mark at the start of the stream is dropped.
   *
   * Giving up: as in `readUntil`. Nothing is taken of a line that is too long or not UTF-8 either.
   *
   * @param options How to give up, how long the line may be (1 MiB without a `limit`), and what happens to bytes that
   * are not UTF-8.
   * @returns The line without its ending; `undefined` at the end of the stream.
   * @throws {RangeError | TypeError} An option is wrong.
   * @throws {ReadTimedOutError} Nothing arrived for as long as allowed; the connection stays open.
   * @throws {GenericError} `"frame"`: the line is too long or not UTF-8; or as in `read`.
   */
  readLine(options?: ReadLineOptions): Promise<string | undefined>;
  readLine(options: ReadLineOptions = {}): Promise<string | undefined> {
    return this.#pull(options, 1, () => this.#delimited.line(options));
  }

  /**
   * Looks at the next bytes and takes nothing: the next read gets them. Waits until `length` bytes have arrived. At the
   * end of the stream: what is left, or an empty array and -1.
   *
   * @param length How many bytes, 1 or more.
   * @param options How to give up.
   * @returns A copy of the bytes, and their count.
   * @throws {RangeError | TypeError} The length or an option is wrong.
   * @throws {ReadTimedOutError} Nothing arrived for as long as allowed; the connection stays open.
   * @throws {GenericError} As in `read`.
   */
  peek(length: number, options?: ReadOptions): Promise<ReadResult> {
    return this.#pull(options, length, () => {
      checkReadLength(length);
      const { queue } = this.#core.reader;
      return () => {
        const there = Math.min(length, queue.length);
        return there === 0 ? [new Uint8Array(0), -1] : [queue.peek(there).slice(), there];
      };
    });
  }

  get #delimited(): DelimitedReader {
    return this.#delimitedReader ??= new DelimitedReader(this.#core.reader);
  }

  /** Waits for the result of an attempt; wrong arguments reject. */
  #pull<T>(
    options: ReadOptions | undefined,
    length: number,
    attemptOf: () => () => T | typeof MORE,
  ): Promise<T> {
    try {
      const { reader, readTimeoutInMillis } = this.#core;
      return pull(reader, readTimeoutInMillis, options, length, attemptOf());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends all the bytes, after everything written before. What is written in one turn goes out together.
   *
   * Awaiting each write keeps to the peer's pace. A write that nobody awaits never becomes an unhandled rejection; its
   * failure ends the connection, and `closed` reports it.
   *
   * @param content What to send; a string goes out as UTF-8. Do not change the bytes until it resolves. If their buffer
   * is transferred or resized before they are sent, the connection ends with `"broken"`.
   * @returns The count of bytes, once the system has taken them all.
   * @throws {TypeError} The content is neither bytes nor a string, or its buffer was transferred or shrunk
   * before; the connection is not harmed.
   * @throws {GenericError} `"closed"`; `"overflow"`: more than `maxQueuedBytes` would wait, and the connection has
   * ended; or what ended the connection. Its `bytesTaken` is how many of the bytes the system had taken, at most: they may
   * have reached the peer, and no other ones.
   */
  write(content: Uint8Array | string): Promise<number> {
    return this.#core.writer.write(content);
  }

  /**
   * Sends bytes like `write`, all of them or none, unless the peer is slow: unless these and the bytes that the system
   * has refused would be more than `maxQueuedBytes`. A refusal does not harm the connection. Bytes that were written
   * just now, and not offered to the system yet, do not make a peer slow, up to 16 MiB of them.
   *
   * @param content What to send; a string goes out as UTF-8. Do not change the bytes until they have gone out, which
   * {@linkcode Connection.drained} reports.
   * @returns Whether it was queued. It is also false if the connection has ended or writing was shut down; then
   * `drained` rejects, or `closed` reports why.
   * @throws {TypeError} The content is neither bytes nor a string, or its buffer was transferred or shrunk before.
   *
   * @example At the pace of the peer, without a promise for each write
   * ```ts
   * import { type Connection } from "socket/mod.ts";
   *
   * async function sendAll(connection: Connection, lines: Iterable<string>): Promise<void> {
   *   for (const line of lines) {
   *     while (!connection.tryWrite(line)) await connection.drained();
   *   }
   * }
   * ```
   */
  tryWrite(content: Uint8Array | string): boolean {
    return this.#core.writer.tryWrite([contentBytes(content)]);
  }

  /**
   * Waits until the system has taken what was written, or enough of it that `queuedBytes` is `below`. Giving up loses
   * nothing. Like a write, it never becomes an unhandled rejection.
   *
   * @param options How many bytes may be left, and how to give up.
   * @throws {TypeError | RangeError} An option is wrong.
   * @throws {GenericError} `"timed-out"`: it took longer than `timeoutInMillis`, and the connection stays open;
   * `"closed"`: writing was ended, and nothing waits; or what ended the connection.
   */
  drained(options?: DrainedOptions): Promise<void> {
    try {
      return this.#core.writer.drained(checkDrained(options));
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Makes the connection secure in the middle of a conversation (STARTTLS). A client's connection becomes the TLS
   * client, a listener's the server. What was written before goes out in the clear; reads and writes from now on wait
   * for the handshake.
   *
   * Unread bytes that arrived in the clear end the connection: an attacker may have sent them, and read later they
   * would look like the peer's.
   *
   * @param options How; by default as the listener's `secureSocket` says, or for a client with the host that it has
   * connected to.
   * @param upgradeOptions How to give up.
   * @throws {TypeError | RangeError} An option is wrong; the connection stays open.
   * @throws {unknown} The reason of the signal, when that is aborted: the connection has ended, unless it was aborted
   * before the call.
   * @throws {GenericError} `"busy"`: a read is under way, or it is secure already; the connection stays open. A read
   * that timed out leaves a read of the system under way, and so does a {@linkcode Connection.signal} that was asked
   * for. `"handshake"`: the connection has ended, and the error says which check failed; if a certificate, key or
   * file of yours cannot be used, nothing has begun, and it stays open. This rejection may be left
   * alone, as that of a write: {@linkcode Connection.closed} and `onError` report it, too.
   */
  upgradeToTls(
    options?: ClientSecureSocketConfig | ListenerSecureSocketConfig,
    upgradeOptions?: UpgradeOptions,
  ): Promise<void>;
  upgradeToTls(
    options?: ClientSecureSocketConfig | ListenerSecureSocketConfig,
    upgradeOptions: UpgradeOptions = {},
  ): Promise<void> {
    try {
      return upgrade(this.#core, options, readSignal(upgradeOptions));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Ends reading: what is unread is dropped, and every read, waiting or later, gives the end. Nothing is sent to the
   * peer, and the connection stays open for writing.
   */
  shutdownRead(): void {
    this.#core.reader.shutdown();
  }

  /**
   * Ends writing: the peer gets an end after everything written before. Reading stays possible.
   *
   * @returns Resolves when the end was sent.
   * @throws {GenericError} What ended the connection before that.
   */
  shutdownWrite(): Promise<void> {
    return this.#core.writer.end();
  }

  /**
   * Closes politely: what was written goes out, and the peer gets an end, not a reset, and time to read it. All that
   * within `closeTimeoutInMillis`; then the connection is aborted, and `closed` reports `"timed-out"` if bytes were not
   * sent. A waiting `read` rejects with `"closed"`; an iteration or a stream ends.
   *
   * @param options What hurries it. Calling it again is a way to hurry a close that is under way.
   * @returns Resolves when the socket is freed, politely or not; {@linkcode Connection.closed} says which.
   * @throws {TypeError} An option is wrong; the connection stays open.
   */
  close(options?: CloseOptions): Promise<void> {
    if (options === undefined) return this.#core.close();
    try {
      const signal = readSignal(options);
      const closing = this.#core.close();
      return signal === undefined ? closing : hurriedBy(this.#core, signal, closing);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Frees the socket at once. What was not yet sent or read is lost.
   *
   * @param reason The `cause` of the `"aborted"` error that every waiting call gets.
   */
  abort(reason?: unknown): void {
    this.#core.abort(reason);
  }

  /**
   * The bytes from here on as a web stream that bring-your-own-buffer readers can read, too. It waits without a
   * timeout. Cancelling it is `shutdownRead`: writing stays possible. A reader that is released while it waits leaves
   * nothing behind, but one with a buffer of its own: its bytes go to the next reader of the stream, and until they come
   * `read` is `"busy"`.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this.#core);
  }

  /**
   * The sending direction as a web stream. Closing or aborting it is `shutdownWrite`: reading stays possible.
   */
  get writable(): WritableStream<Uint8Array | string> {
    return this.#writable ??= writableOf(this.#core);
  }

  /**
   * Iterates over the bytes as they arrive, until the peer's end or `close`. Leaving the loop leaves the connection
   * open; a new loop, or `read`, continues where it stopped, also after a `ReadTimedOutError`.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>, undefined> {
    return new ByteIteration(this.#core.reader, this.#core, this.#core.lendsToLoops);
  }

  /** Closes politely; never hangs on a peer that does not read. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#core.close();
  }
}

/** Gives a function that reads bytes into the user's memory. */
function intoAttempt(reader: Reader, into: Uint8Array): () => [bytes: Uint8Array, length: number] {
  checkTarget(into);
  return () => {
    // It may have been transferred or shrunk during the wait; then nothing is lost.
    const target = checkTarget(into);
    const length = reader.takeInto(target);
    return [target.subarray(0, Math.max(length, 0)), length];
  };
}

/** Without them it would fail much later, when somebody asks for one. */
function checkAddresses(transport: Transport): void {
  for (const name of ["localAddr", "remoteAddr"] as const) {
    const address: unknown = transport[name];
    if (typeof address !== "object" || address === null) {
      throw new TypeError(`transport.${name} must be an address: got ${refused(address)}`);
    }
  }
}
