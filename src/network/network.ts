// The seam: what a Connection, a Listener and a UdpClient stand on. It names no engine.
//
// Deno's own network is in deno/. A test double, a simulator, TLS or a Unix socket implement the same few members.

import type { Clock } from "./clock.ts";
import type { DatagramSocket, DatagramTarget, ResolvedName } from "./datagram_socket.ts";
import type { Transport, TransportListener } from "./transport.ts";
import type { Turns } from "./turns.ts";

export type { Clock, TimerId } from "./clock.ts";
export type { DatagramAddress, DatagramSocket, DatagramTarget } from "./datagram_socket.ts";
export type { GroupMembership, OutgoingDatagram, ResolvedName } from "./datagram_socket.ts";
export type { Transport, TransportListener } from "./transport.ts";

/** What to connect to. */
export interface ConnectTarget {
  /** Host name or IP address. */
  readonly hostname: string;
  /** Port, from 1 to 65535. */
  readonly port: number;
  /** IP address of this end. */
  readonly localAddress?: string;
  /** After how many milliseconds of silence the system checks whether the peer is still there. */
  readonly keepAliveInMillis?: number;
  /** Whether the stream must have `reset`. */
  readonly canReset?: boolean;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal;
}

/** Which address to listen on. */
export interface ListenTarget {
  /** Host name or IP address of a local interface. */
  readonly hostname: string;
  /** Port, 0 for one that the system chooses. */
  readonly port: number;
  /** How many connections the system keeps until they are accepted. */
  readonly backlog: number;
  /**
   * After how long without a byte the system asks whether the peer of an accepted stream is still there, in
   * milliseconds, or `"system"` for its own time. What is bound says by the same field that it will be.
   */
  readonly keepAliveInMillis?: number | "system";
}

/** Which local socket to connect to. */
export interface ConnectPathTarget {
  /** Path of the socket file; a name that begins with a NUL character is abstract (Linux). */
  readonly path: string;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal;
}

/** Which local socket to listen on. */
export interface ListenPathTarget {
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

/** Makes transports, listeners and datagram sockets, and has their clock. */
export interface Network {
  /** The time that all timeouts on this network go by. */
  readonly clock: Clock;
  /** When reads and writes begin; at once where it is left out. */
  readonly turns?: Turns;
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
   * Whether an IP address belongs to this machine, as far as can be known: datagrams that seem to come from the
   * socket that receives them are dropped. Where it is left out, only a socket's own address and those of the
   * loopback interface count.
   */
  isOwnAddress?(address: string): boolean;
}
