// The seam: what a Connection, a Listener and a UdpClient stand on. It names no engine.
//
// Deno's own network is in deno/. A test double, a simulator, TLS or a Unix socket implement the same few members.

import type { Clock } from "./clock.ts";
import type {
  AdoptDatagramTarget,
  DatagramSocket,
  DatagramTarget,
  ResolvedName,
} from "./datagram_socket.ts";
import type { BufferSizeConfig, SupportedOptions, TcpConfig } from "./socket_options.ts";
import type { Transport, TransportListener } from "./transport.ts";
import type { Turns } from "./turns.ts";

export type { Arriving } from "./arriving.ts";
export type { Clock, TimerId } from "./clock.ts";
export type { DatagramAddress, DatagramSocket, DatagramTarget } from "./datagram_socket.ts";
export type {
  AdoptDatagramTarget,
  GroupMembership,
  OutgoingDatagram,
  ResolvedName,
} from "./datagram_socket.ts";
export type { BufferSizes, PeerCredentials, SystemSocket, TcpInfo } from "./socket_info.ts";
export type { BufferSizeConfig, PacketConfig, TcpConfig } from "./socket_options.ts";
export type {
  SocketOptionName,
  SocketOptions,
  SocketUse,
  SupportedOptions,
} from "./socket_options.ts";
export type { Transport, TransportListener } from "./transport.ts";

/** What to connect to. */
export interface ConnectTarget extends TcpConfig {
  /** Host name or IP address. */
  readonly hostname: string;
  /** Port, from 1 to 65535. */
  readonly port: number;
  /** IP address of this end. */
  readonly localAddress?: string;
  /** Port of this end, from 1 to 65535. */
  readonly localPort?: number;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal;
}

/** Which address to listen on. */
export interface ListenTarget extends TcpConfig {
  /** Host name or IP address of a local interface. */
  readonly hostname: string;
  /** Port, 0 for one that the system chooses. */
  readonly port: number;
  /** How many connections the system keeps until they are accepted. */
  readonly backlog: number;
  /** Whether other processes may listen on the same address, which then share what comes. */
  readonly reusePort?: boolean;
}

/** A listening socket that somebody has handed to this process. */
export interface AdoptTarget extends TcpConfig {
  /** Its descriptor, which belongs to the network from now on. */
  readonly descriptor: number;
  /** Whether a service manager has handed it over (`LISTEN_FDS`). Then it may not have been taken in another worker. */
  readonly isHandedOver?: boolean;
  /** How many connections the system keeps until they are accepted. */
  readonly backlog: number;
}

/** Which local socket to connect to. */
export interface ConnectPathTarget extends BufferSizeConfig {
  /** Path of the socket file; a name that begins with a NUL character is abstract (Linux). */
  readonly path: string;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal;
}

/** Which local socket to listen on. */
export interface ListenPathTarget extends BufferSizeConfig {
  /** Path of the socket file; a name that begins with a NUL character is abstract (Linux). */
  readonly path: string;
  /** Mode bits of the file: connecting needs the right to write. */
  readonly mode?: number;
}

/** What is asked of a network's own TLS engine. */
export interface NativeTlsOptions {
  /** The server name to ask for, or an IP address, in canonical spelling. */
  readonly hostname: string;
  /** Certificates trusted besides the system's. */
  readonly caCerts: string[];
  /** Application protocols. */
  readonly alpnProtocols: string[];
  /** Whether the certificate may have any name. */
  readonly unsafelyDisableHostnameVerification: boolean;
}

/** One place of a service (RFC 2782). */
export interface ServiceRecord {
  /** Those with the smallest number are tried first. */
  readonly priority: number;
  /** Of those with the same priority, one with twice the weight is taken first twice as often. */
  readonly weight: number;
  /** Its host name; `"."` says that there is no such service. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
}

/** Makes transports, listeners and datagram sockets, and has their clock. */
export interface Network {
  /** The time that all timeouts on this network go by. */
  readonly clock: Clock;
  /** When reads and writes begin; at once where it is left out. */
  readonly turns?: Turns;
  /** The same for datagram sockets, where they need others. */
  readonly datagramTurns?: Turns;
  /**
   * Which of the options in its targets its sockets have. What is not listed is refused before anything is opened, so
   * that nothing is passed over; where this is left out, all of them.
   */
  readonly socketOptions?: SupportedOptions;
  /** Whether its connections overwrite lent bytes when the loan ends: a network for tests does. */
  readonly overwritesLentBytes?: boolean;
  /** Connects a byte stream. */
  connect(target: ConnectTarget): Promise<Transport>;
  /** Binds and listens. */
  listen(target: ListenTarget): TransportListener | Promise<TransportListener>;
  /** Connects to a local socket, where the network has such sockets. */
  connectPath?(target: ConnectPathTarget): Promise<Transport>;
  /** Binds a local socket and listens, where the network has such sockets. */
  listenPath?(target: ListenPathTarget): Promise<TransportListener>;
  /**
   * Takes a listening socket over, where the network can: TCP or a local one. If that fails, the descriptor may have
   * been closed, as node:net does with what does not listen.
   */
  adopt?(target: AdoptTarget): TransportListener | Promise<TransportListener>;
  /** Takes a bound datagram socket over, where the network can. If that fails, the descriptor is still open. */
  adoptDatagram?(target: AdoptDatagramTarget): DatagramSocket | Promise<DatagramSocket>;
  /**
   * Sends one datagram to a local socket, where the network can.
   *
   * @param path Its path; a name that begins with a NUL character is abstract (Linux).
   * @param bytes What.
   * @param signal Aborted when nobody waits any more for room in its queue.
   */
  sendToPath?(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * Makes one of its own streams secure, as the client, by its own engine; `undefined` where it cannot. Frees the
   * stream where the handshake fails.
   */
  startTls?(
    transport: Transport,
    options: NativeTlsOptions,
    signal: AbortSignal,
  ): Promise<Transport> | undefined;
  /** Binds a datagram socket. */
  listenDatagram(target: DatagramTarget): DatagramSocket | Promise<DatagramSocket>;
  /**
   * Looks up a host name: the one that datagrams shall go to, so that it is not done for each of them. Where it is
   * left out, sockets get the name as it is.
   *
   * @param family 4 or 6 for addresses of that family only, 0 for both.
   */
  resolveName?(hostname: string, port: number, family: 0 | 4 | 6): Promise<ResolvedName>;
  /**
   * Asks where a service is to be found: its SRV records, as the name server gives them. Left out where the network has
   * no such thing.
   *
   * @param name The name of the service: `_redis._tcp.example`.
   */
  resolveService?(name: string, signal: AbortSignal): Promise<readonly ServiceRecord[]>;
  /**
   * Whether an IP address belongs to this machine, as far as can be known: datagrams that seem to come from the
   * socket that receives them are dropped. Where it is left out, only a socket's own address and those of the
   * loopback interface count.
   *
   * @param address The sender of a datagram, with a zone where the engine gives one. Without, a link-local address may
   * be one of this machine's on any interface; where nobody can know, it should count as one: an answer may be a loop.
   */
  isOwnAddress?(address: string): boolean;
}
