// UdpClient: sends datagrams in order and receives them one at a time, from anybody or from one peer.

import { checkObject, checkReadLength } from "../base/arguments.ts";
import { type Address, checkHost, checkPort } from "../base/address.ts";
import { rejected, type SocketError } from "../base/errors.ts";
import { type CloseOptions, hurriedBy, readSignal } from "../connection/hurried.ts";
import { checkDrained, type DrainedOptions } from "../network/drained.ts";
import type { Datagram } from "./datagram.ts";
import { handOutOfDatagrams } from "../bytes/hand_out.ts";
import { DatagramMailbox } from "./datagram_mailbox.ts";
import type { TakeLimits } from "./datagram_waiters.ts";
import { datagramTurnsOf } from "../network/deno/deno_network.ts";
import { knowShareHost } from "../network/share.ts";
import { mayBeOptions, optionNames, optionOf, partOf, readOptions } from "../base/options.ts";
import { resolveUdpClientConfig, type UdpClientConfig } from "./udp_config.ts";
import {
  bytesShape,
  checkLimits,
  cut,
  iterationOf,
  type ReceiveOptions,
  type UdpChannel,
} from "./udp_channel.ts";
import { UdpSocket, type UdpSocketOwner } from "./udp_socket.ts";
import { UdpClientEvents } from "./udp_event.ts";
import { DatagramTraffic, DropCounts, socketStats, type UdpClientStats } from "./udp_stats.ts";
import { type GroupOptions, MulticastGroups } from "./multicast.ts";
import { refuseBinding } from "../network/inherited.ts";
import { young } from "../base/young.ts";
import type { BufferSizes } from "../network/socket_info.ts";

const ADDRESS_OPTIONS = optionNames<Address>({ host: true, port: true });

/** What a receive gives: the bytes of one datagram, their count, and who sent them. */
export type ReceiveResult = [bytes: Uint8Array, length: number, address: Address];

/**
 * A UDP socket. Sends datagrams in the order of the calls and receives them one at a time. It hears everybody or,
 * when connected, one peer.
 *
 * It is bound as soon as it is made. Free it with {@linkcode UdpClient.close} or `await using`.
 *
 * @example Ask and wait for the answer
 * ```ts
 * import { UdpClient } from "socket/mod.ts";
 *
 * await using server = new UdpClient({ host: "127.0.0.1", port: 0 });
 * await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
 *
 * await client.sendTo("Hello", await server.bound);
 * const [bytes, length, address] = await server.receiveFrom();
 * console.log(length, new TextDecoder().decode(bytes), address.host); // 5 Hello 127.0.0.1
 * ```
 */
export class UdpClient implements UdpChannel {
  static {
    knowShareHost((it) => #socket in it ? it.#socket.shareHost : undefined);
  }

  readonly #socket: UdpSocket;
  readonly #mailbox: DatagramMailbox;
  readonly #groups: MulticastGroups;
  readonly #limits: TakeLimits;
  readonly #traffic: DatagramTraffic;
  readonly #drops: DropCounts;

  /**
   * Begins to bind. {@linkcode UdpClient.bound} reports the result.
   *
   * @param localAddress The address to bind. Without a host: every IPv4 address of this machine, or, where
   * `remoteHost` is IPv6, every address including IPv6. Left out: the same, on a port that the system chooses.
   * @param config How it behaves.
   * @throws {TypeError | RangeError} An argument is wrong.
   */
  constructor(
    localAddress?: { readonly host?: string; readonly port: number },
    config?: UdpClientConfig,
  );
  constructor(
    localAddress: { readonly host?: string; readonly port: number } = { port: 0 },
    config: UdpClientConfig = {},
  ) {
    const { host, port } = readOptions<Partial<Address>>(
      "localAddress",
      localAddress,
      ADDRESS_OPTIONS,
    );
    const settings = resolveUdpClientConfig(config);
    const localHost = host === undefined ? undefined : checkHost("host", host);
    const localPort = checkPort("port", port, 0);
    const { reusePort = false } = settings.socket;
    refuseBinding(settings.inherited, { host: localHost, port: port || undefined, reusePort });
    this.#limits = settings.limits;
    const traffic = this.#traffic = new DatagramTraffic();
    const drops = this.#drops = new DropCounts();
    const isReadingAhead = settings.maxUnreadBytes > 0;
    const mailbox = new DatagramMailbox(
      settings.network.clock,
      settings.maxUnreadBytes,
      settings.receiveQueueDrop,
      handOutOfDatagrams(),
      undefined,
      datagramTurnsOf(settings.network),
      drops,
    );
    this.#mailbox = mailbox;
    const socket = () => this.#socket;
    const events = new UdpClientEvents(
      {
        get local() {
          return socket().local;
        },
        get peer() {
          return socket().peer;
        },
        stats: () => this.stats(),
      },
      settings.watch,
      settings.network.clock,
    );
    const owner: UdpSocketOwner = {
      get isWanting() {
        return isReadingAhead || mailbox.isWaitedFor;
      },
      hearsItself: true,
      traffic,
      onBound: (local, peer) => events.opened(local, peer),
      onFree: (error) => events.ended(error),
      put: (bytes, from) => mailbox.put(bytes, from),
      onPeer: (isFrom, asked) => {
        mailbox.keepOnly(isFrom);
        events.connected(asked);
      },
      onRefused: (error) => mailbox.refuse(error),
      onUnwanted: () => mailbox.countDropped(1, "sender"),
      onEnd: (error) => {
        mailbox.clear();
        mailbox.finish(error, error.code === "closed");
      },
    };
    this.#socket = new UdpSocket(localHost, localPort, settings, owner);
    mailbox.workTime = this.#socket.workTime;
    mailbox.onGivenUp = young(() => this.#socket.wake());
    this.#groups = new MulticastGroups(this.#socket);
  }

  /**
   * Resolves with the local address when the socket is bound. When binding fails, this and every other call reject
   * with a {@linkcode SocketError}. You need not await it.
   */
  get bound(): Promise<Address> {
    return this.#socket.bound;
  }

  /**
   * Resolves when the socket is free: with `undefined` after `close`, else with the error that ended it. Never
   * rejects.
   */
  get closed(): Promise<SocketError | undefined> {
    return this.#socket.closed;
  }

  /** The local IP address. Until `bound` resolves: the host asked for. */
  get localAddress(): string {
    return this.#socket.local.host;
  }

  /** The local port. Until `bound` resolves: the port asked for. */
  get localPort(): number {
    return this.#socket.local.port;
  }

  /** The host or IP address of the only peer that is heard. `undefined` when everybody is heard. */
  get remoteAddress(): string | undefined {
    return this.#socket.peer?.host;
  }

  /** The port of the only peer that is heard. */
  get remotePort(): number | undefined {
    return this.#socket.peer?.port;
  }

  /** How many bytes wait to be sent. Each datagram counts 256 bytes extra. */
  get queuedBytes(): number {
    return this.#socket.queuedBytes;
  }

  /**
   * How many datagrams reached this socket and were dropped: the receive queue was full, or the sender was not the
   * peer or had port 0. Datagrams that the system dropped are known to the engine for Linux alone.
   */
  get droppedDatagrams(): number {
    return this.#mailbox.droppedDatagrams + this.#socket.droppedDatagrams;
  }

  /** What has happened since it was made: datagrams received, sent and dropped. */
  stats(): UdpClientStats {
    return socketStats(this.#traffic, this.#drops, this.#socket);
  }

  /**
   * How large the system's buffers are: what it gave for `receiveBufferSize` and `sendBufferSize`, or what it has
   * chosen. Needs `linuxNetwork`.
   *
   * @returns A frozen record; each call asks the system anew. It waits until the socket is bound.
   * @throws {GenericError} `"unsupported"`: the network cannot tell. `"closed"`; or why it could not be bound.
   */
  bufferSizes(): Promise<BufferSizes> {
    return this.#socket.bufferSizes();
  }

  /**
   * Sends one datagram. Datagrams leave in the order of the calls, awaited or not. A host name may have to be looked
   * up first: datagrams to it keep their order among themselves. A name is remembered for 10 seconds.
   *
   * @param content At most 65,507 bytes, or a string, which is sent as UTF-8. You may change it as soon as the call
   * has returned.
   * @param address The host name or IP address, and the port, to send to.
   * @returns How many bytes were sent. Resolves when the system has them; whether they arrive is not known.
   * @throws {TypeError | RangeError} An argument is wrong.
   * @throws {SocketError} `"unreachable"`, `"denied"`, `"overflow"`, `"closed"`; the socket stays usable.
   */
  sendTo(content: Uint8Array | string, address: Address): Promise<number> {
    try {
      checkObject("address", address);
      const [host, port] = [optionOf(address, "host"), optionOf(address, "port")];
      const checked = this.#socket.checkHost("host", host);
      return this.#socket.send(content, checked, checkPort("port", port, 1));
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Receives one datagram. Several calls at once are served in their order.
   *
   * *Giving up*: a timeout or the signal ends the wait. No datagram is lost: the next call gets it.
   *
   * @param length At most this many bytes are returned; the rest of a longer datagram is dropped. Left out: all of it.
   * @param options How to wait.
   * @returns The bytes, which are yours, their count, and the sender's address.
   * @throws {RangeError | TypeError} An argument is wrong.
   * @throws {ReadTimedOutError} Nothing arrived in time.
   * @throws {SocketError} `"closed"`, or the error that ended the socket.
   */
  receiveFrom(length?: number, options?: ReceiveOptions): Promise<ReceiveResult>;
  /**
   * Receives one datagram, all of it, as `receiveFrom()` does.
   *
   * @param options How to wait.
   * @returns The bytes, which are yours, their count and the sender.
   * @throws {Error} As in the other `receiveFrom`.
   */
  receiveFrom(options: ReceiveOptions): Promise<ReceiveResult>;
  receiveFrom(given?: number | ReceiveOptions, options?: ReceiveOptions): Promise<ReceiveResult> {
    if (options === undefined && mayBeOptions<ReceiveOptions>(given)) {
      return this.receiveFrom(undefined, given);
    }
    const length = given as number | undefined;
    const shape = length === undefined
      ? wholeResult
      : (datagram: Datagram) => resultOf(datagram, length);
    return this.#take(length, options, shape);
  }

  /**
   * Hears only this peer from now on, and sends to it with {@linkcode UdpClient.write}. Datagrams of others
   * are dropped and counted, also those that wait to be received. Of several calls the last one counts, awaited or not.
   *
   * Where the engine hears that the peer's port is closed, as the engine for Linux does, the waiting receives, or
   * the next one, reject with `"unreachable"`. The socket goes on.
   *
   * @param address The peer. A host name is looked up once, by this call.
   * @throws {TypeError | RangeError} An argument is wrong.
   * @throws {SocketError} `"unreachable"`: no such host; `"denied"`: the name may not be looked up; `"closed"`.
   */
  async connect(address: Address): Promise<void> {
    const { host, port } = partOf<Address>("address", address, ADDRESS_OPTIONS);
    await this.#socket.connect({ host: checkHost("host", host), port: checkPort("port", port, 1) });
  }

  /**
   * Sends content to the peer, in as many datagrams as needed: at most `datagramSize` bytes in each. Empty content is
   * one empty datagram.
   *
   * @param content Bytes, or a string, which is sent as UTF-8. You may change it as soon as the call has returned.
   * @returns How many bytes were sent. Resolves when the system has them all.
   * @throws {TypeError} The content is wrong, or the socket has no peer.
   * @throws {SocketError} As {@linkcode UdpClient.sendTo}.
   */
  write(content: Uint8Array | string): Promise<number> {
    try {
      return this.#socket.write(content);
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Sends content like `write`, all of it or none. It sends none if the system has refused so much that more than
   * `maxQueuedBytes` would wait. A datagram that cannot be sent is lost without a report.
   *
   * @param content Bytes, or a string, which is sent as UTF-8. You may change it as soon as the call has returned.
   * @returns Whether the content was queued. Also false when the socket is closed.
   * @throws {TypeError} The content is wrong, or the socket has no peer.
   */
  tryWrite(content: Uint8Array | string): boolean {
    return this.#socket.tryWrite(content);
  }

  /**
   * Waits until the system has taken what was written, or until `queuedBytes` is less than `below`. Like a write, it
   * never becomes an unhandled rejection.
   *
   * @param options How much may be left, and how to give up.
   * @throws {TypeError | RangeError} An option is wrong.
   * @throws {SocketError} `"timed-out"`: it took longer than `timeoutInMillis`; or the error that ended the socket.
   */
  drained(options?: DrainedOptions): Promise<void> {
    try {
      return this.#socket.drained(checkDrained(options));
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Receives one datagram, without its sender's address. When there is a peer, it is from the peer.
   *
   * @param length At most this many bytes are returned; the rest of a longer datagram is dropped. Left out: all of it.
   * @param options How to wait.
   * @returns The bytes, which are yours, and their count.
   * @throws {Error} As {@linkcode UdpClient.receiveFrom}.
   */
  read(length?: number, options?: ReceiveOptions): Promise<[bytes: Uint8Array, length: number]>;
  /**
   * Receives one datagram, all of it, as `read()` does.
   *
   * @param options How to wait.
   * @returns The bytes, which are yours, and their count.
   * @throws {Error} As {@linkcode UdpClient.receiveFrom}.
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
    return this.#take(length, options, bytesShape(length));
  }

  #take<T>(
    length: number | undefined,
    options: ReceiveOptions | undefined,
    shape: (datagram: Datagram) => T,
  ): Promise<T> {
    try {
      if (length !== undefined) checkReadLength(length);
      const taken = this.#mailbox.take(shape, checkLimits(options, this.#limits));
      this.#socket.wake();
      return taken;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Joins a multicast group.
   *
   * @param group The group's IP address.
   * @param options The interface to join on, and the senders to hear.
   * @throws {TypeError | RangeError} An argument is wrong.
   * @throws {SocketError} `"busy"`: it was joined already; `"limit"`: it is in as many as the system allows;
   * `"unsupported"`; `"unreachable"`: the system refused.
   */
  joinGroup(group: string, options?: GroupOptions): Promise<void>;
  joinGroup(group: string, options: GroupOptions = {}): Promise<void> {
    return this.#groups.join(group, options);
  }

  /**
   * Leaves a group that {@linkcode UdpClient.joinGroup} joined. A close leaves all groups, even those being left.
   *
   * @param group The group's IP address.
   * @param options The same options as for the join.
   * @throws {TypeError | RangeError} An argument is wrong, or it was not joined.
   * @throws {SocketError} `"closed"`; or the system refused.
   */
  leaveGroup(group: string, options?: GroupOptions): Promise<void>;
  leaveGroup(group: string, options: GroupOptions = {}): Promise<void> {
    return this.#groups.leave(group, options);
  }

  /**
   * Sends the queued datagrams, then frees the socket. A waiting receive rejects with `"closed"`; an iteration ends.
   *
   * @param options What hurries it: then the datagrams that are still queued are dropped.
   * @returns Resolves when the socket is free. Closing twice is closing once.
   * @throws {TypeError} An option is wrong; the socket stays open.
   */
  close(options?: CloseOptions): Promise<void>;
  close(options: CloseOptions = {}): Promise<void> {
    try {
      const socket = this.#socket;
      const signal = readSignal(options);
      const closing = socket.close();
      if (signal === undefined) return closing;
      return hurriedBy({ abort: () => socket.hurry() }, signal, closing);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Iterates over datagrams until the socket is closed. Waits at most `readTimeoutInMillis` for each, then throws a
   * {@linkcode ReadTimedOutError}. Leaving the loop leaves the socket open.
   */
  [Symbol.asyncIterator](): AsyncIterator<Datagram, undefined> {
    return iterationOf(this.#mailbox, this.#limits, () => this.#socket.wake());
  }

  /** The same as {@linkcode UdpClient.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function wholeResult(datagram: Datagram): ReceiveResult {
  return resultOf(datagram);
}

function resultOf(
  { data, remoteHost: host, remotePort: port }: Datagram,
  length?: number,
): ReceiveResult {
  const bytes = cut(data, length);
  return [bytes, bytes.length, { host, port }];
}
