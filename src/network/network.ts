// The seams: what a Connection, a Listener and a UdpClient stand on, and Deno's own.
//
// No other room names Deno.connect, Deno.listen*, setTimeout or performance.now. A test double, a
// simulator, TLS or a Unix socket is another implementation of these few members.

import type { Transport, TransportListener } from "./transport.ts";
import type { Clock } from "./clock.ts";
import { GenericError } from "../base/errors.ts";
import { FairTurns, plainTurns, type Turns, type TurnSignals } from "./turns.ts";
import type { DatagramSocket, DatagramTarget, ResolvedName } from "./datagram_socket.ts";
import { bindDenoDatagram } from "./deno/deno_datagram.ts";
import { bindNodeDatagram } from "./node/node_datagram.ts";
import { isDenoTcp, NativeTls, type NativeTlsOptions } from "./deno/native_tls.ts";
import { lookUpName } from "./node/name_lookup.ts";
import { isOwnAddress } from "./deno/own_address.ts";
import { connectPath, type ConnectPathTarget, type LocalSockets } from "./deno/unix.ts";
import { listenPath, type ListenPathTarget } from "./deno/unix_listener.ts";

export type { Transport, TransportListener } from "./transport.ts";
export type { Clock, TimerId } from "./clock.ts";
export type { DatagramAddress, DatagramSocket, DatagramTarget } from "./datagram_socket.ts";
export type { GroupMembership, ResolvedName } from "./datagram_socket.ts";
export type { NativeTlsOptions } from "./deno/native_tls.ts";
export type { ConnectPathTarget } from "./deno/unix.ts";
export type { ListenPathTarget } from "./deno/unix_listener.ts";

/** Which address to connect to. */
export interface ConnectTarget {
  /** Host name or IP address. */
  readonly hostname: string;
  /** Port, from 1 to 65535. */
  readonly port: number;
  /** IP address of this end. */
  readonly localAddress?: string;
  /** After how long without a byte the system asks whether the peer is still there, in milliseconds. */
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
}

/** Makes transports, listeners and datagram sockets; carries the clock that goes with them. */
export interface Network {
  /** The time that all timeouts on this network go by. */
  readonly clock: Clock;
  /** When its reads and writes are begun; at once, where it does not say. */
  readonly turns?: Turns;
  /** Connects a byte stream. */
  connect(target: ConnectTarget): Promise<Transport>;
  /** Binds and listens. */
  listen(target: ListenTarget): TransportListener | Promise<TransportListener>;
  /** Connects to a local socket, where the network has such sockets. */
  connectPath?(target: ConnectPathTarget): Promise<Transport>;
  /** Binds a local socket and listens, where the network has such sockets. */
  listenPath?(target: ListenPathTarget): Promise<TransportListener>;
  /**
   * Makes one of its own streams secure, as its client, with an engine of its own; `undefined` where it
   * cannot. The stream is freed where that fails.
   */
  startTls?(
    transport: Transport,
    options: NativeTlsOptions,
    signal: AbortSignal,
  ): Promise<Transport> | undefined;
  /** Binds a datagram socket. */
  listenDatagram(target: DatagramTarget): DatagramSocket | Promise<DatagramSocket>;
  /**
   * Looks up the host name that datagrams shall go to, so that it is not done for each of them. Where it is
   * left out, sockets get the name as it is.
   *
   * @param family 4 or 6 for such addresses only, 0 for both.
   */
  resolveName?(hostname: string, port: number, family: 0 | 4 | 6): Promise<ResolvedName>;
  /**
   * Whether an IP address is one of this machine's, as far as it can be told: datagrams that seem to come from
   * the socket that receives them are dropped. Where it is left out, only the address that a socket is bound to
   * and those of the loopback interface are known.
   */
  isOwnAddress?(address: string): boolean;
}

/** The time of a burst, while it begins. */
let instant: number | undefined;

const denoClock: Clock = {
  now: () => instant ?? performance.now(),
  setTimeout: (callback, delayInMillis) => setTimeout(callback, delayInMillis),
  clearTimeout: (id) => clearTimeout(id as number),
  unrefTimer: (id) => Deno.unrefTimer(id as number),
  looked: () => denoTurns.looked(),
};

const signals: TurnSignals = {
  together: (callback) => {
    instant = performance.now();
    try {
      callback();
    } finally {
      instant = undefined;
    }
  },
  nextTurn: (callback) => void setImmediate(callback),
};

const denoTurns = new FairTurns(signals);

/**
 * The turns of connections on a network. Those of Deno's own are for all its sockets together, and pass in real
 * time: what goes by another clock, in a test, must not wait for what others have done before.
 */
export function turnsOf({ clock, turns = plainTurns }: Network): Turns {
  if (turns !== denoTurns || clock === denoClock) return turns;
  const own = new FairTurns(signals);
  // Nobody waits for turns of the event loop where time passes without them.
  return { read: (read, streamed) => own.read(read, streamed), write: (write) => own.write(write) };
}

const denoLocalSockets: LocalSockets = {
  connect: (path) => Deno.connect({ transport: "unix", path }),
  listen: (path) => Deno.listen({ transport: "unix", path }),
};

/** Deno's own network. */
export const denoNetwork: Network = {
  clock: denoClock,
  turns: denoTurns,
  connect: async (target) => {
    requireDeno();
    const { hostname, port, localAddress, keepAliveInMillis, canReset = false, signal } = target;
    // Deno's own sockets ignore the first, ask after two hours, and cannot reset.
    if (localAddress !== undefined || keepAliveInMillis !== undefined || canReset) {
      const { connectNodeStream } = await import("./node/node_stream.ts");
      return await connectNodeStream(target, denoClock);
    }
    return await Deno.connect({ hostname, port, ...(signal === undefined ? {} : { signal }) });
  },
  listen: ({ hostname, port, backlog }) => {
    requireDeno();
    return Deno.listen({ hostname, port, tcpBacklog: backlog });
  },
  connectPath: (target) => {
    requireDeno();
    return connectPath(denoLocalSockets, denoClock, target);
  },
  listenPath: (target) => {
    requireDeno();
    return listenPath(denoLocalSockets, denoClock, target);
  },
  startTls: (transport, options, signal) =>
    isDenoTcp(transport) ? NativeTls.connect(transport, options, signal, Deno.startTls) : undefined,
  listenDatagram: (target) => {
    requireDeno();
    // Not typed as missing, but it is where the runtime was started without --unstable-net.
    if ((Deno.listenDatagram as unknown) === undefined) return bindNodeDatagram(target);
    return bindDenoDatagram(Deno.listenDatagram, target);
  },
  resolveName: lookUpName,
  isOwnAddress: (address) => isOwnAddress(address, Deno.listen),
};

/**
 * Deno's network with the datagram sockets of `node:dgram`: what a {@linkcode UdpClient} stands on where
 * Deno was started without `--unstable-net`. Slow, but it can set a time to live, choose the interface of
 * multicast and hear only one source of a group.
 */
export const nodeNetwork: Network = {
  ...denoNetwork,
  listenDatagram: (target) => {
    requireDeno();
    return bindNodeDatagram(target);
  },
};

/** The oldest Deno whose reads and writes end when their socket is closed. */
const OLDEST_DENO = [2, 9, 5] as const;

/** Says what is wrong with a version of Deno that is too old for this library; `undefined` where none is. */
export function versionProblem(version: string): string | undefined {
  const parts = version.split(/[.+-]/, 3).map(Number);
  for (let i = 0; i < OLDEST_DENO.length; i++) {
    const part = parts[i] ?? 0;
    if (part > OLDEST_DENO[i]!) return undefined;
    if (part < OLDEST_DENO[i]!) {
      return `Deno ${version} is too old, run with ${OLDEST_DENO.join(".")} or newer`;
    }
  }
  return undefined;
}

const problem = versionProblem(Deno.version.deno);

function requireDeno(): void {
  if (problem !== undefined) {
    throw new GenericError("unsupported", `Cannot open a socket: ${problem}`);
  }
}
