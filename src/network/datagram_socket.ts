// The seam under everything that sends or receives datagrams, and its parameters; names no engine.

import type { SystemSocket } from "./socket_info.ts";
import type { PacketConfig } from "./socket_options.ts";

/** The source or destination of a datagram, as the runtime gives and takes it. */
export interface DatagramAddress {
  /** Always UDP. */
  readonly transport: "udp";
  /** IP address; as a destination, a host name too. */
  readonly hostname: string;
  /** Port. */
  readonly port: number;
  /**
   * The local address that a datagram from there came to, where the socket has several and the engine knows. What is
   * sent to this very object leaves from that address.
   */
  readonly localAddress?: string;
  /** The index of the network interface that it came in by, where the engine knows. */
  readonly networkInterface?: number;
}

/** A datagram that is to be sent. */
export interface OutgoingDatagram {
  /** Its content. */
  readonly bytes: Uint8Array;
  /** Where to. */
  readonly target: DatagramAddress;
}

/** A multicast group, and on which interface and from whom it is heard. */
export interface GroupMembership {
  /** The group's IP address. */
  readonly group: string;
  /**
   * The network interface: for an IPv4 group its IP address, for an IPv6 group its index. Left out, the
   * system chooses.
   */
  readonly networkInterface?: string | number;
  /** Only what this IPv4 address sends to the group. Left out, all sources are heard. */
  readonly source?: string;
}

/** A datagram socket: the few members of `Deno.DatagramConn` that a UdpClient stands on. */
export interface DatagramSocket {
  /** The address it is bound to, with the port that the system chose. */
  readonly addr: DatagramAddress;
  /** How many datagrams reached this socket and were dropped before a receive, where it knows. */
  readonly droppedDatagrams?: number | undefined;
  /** How many bytes those had, where it knows. */
  readonly droppedBytes?: number | undefined;
  /** What can be asked of the system about it, where the engine can. */
  readonly system?: SystemSocket | undefined;
  /** Waits for one datagram, puts it at the start of `buffer` and resolves with that part and its sender. */
  receive(buffer: Uint8Array<ArrayBuffer>): Promise<[Uint8Array<ArrayBuffer>, DatagramAddress]>;
  /** Sends one datagram and resolves with the count of its bytes, which must not be changed until then. */
  send(bytes: Uint8Array, address: DatagramAddress): Promise<number>;
  /**
   * Like `receive`, without a promise: `undefined` where that would have to wait. It throws what `receive` would
   * reject with. Goes together with `whenReadable`; an engine that has no such thing leaves both out.
   */
  tryReceive?(
    buffer: Uint8Array<ArrayBuffer>,
  ): [Uint8Array<ArrayBuffer>, DatagramAddress] | undefined;
  /**
   * Calls back once, when `tryReceive` may have something to tell: at once where it has already, but never before
   * this has returned, and not when the socket was freed. One call is awaited at a time.
   */
  whenReadable?(callback: () => void): void;
  /**
   * Like `send`, without a promise: `undefined` where that would have to wait, and nothing was sent. It throws
   * what `send` would reject with. Left out by an engine that has no such thing.
   */
  trySend?(bytes: Uint8Array, address: DatagramAddress): number | undefined;
  /**
   * Like `tryReceive` again and again, for many datagrams at a time: hands them to `put` in their order. The bytes
   * are the engine's again when `put` returns; the address may be the same object for the same sender. After `put`
   * has returned false, nothing more is handed out until the next call.
   *
   * @param most How many datagrams are handed out at most.
   * @returns How many were.
   */
  tryReceiveAll?(
    most: number,
    put: (bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress) => boolean,
  ): number;
  /**
   * Like `trySend` for each of many datagrams, in their order. It throws what `send` would reject with, where the
   * first one cannot be sent.
   *
   * @param first The index of the first one that is to be sent.
   * @returns How many were sent. Where others are left, they have to wait, or the next one cannot be sent.
   */
  trySendAll?(datagrams: readonly OutgoingDatagram[], first: number): number;
  /**
   * Hears only this peer from now on, and nothing that others sent before. A receive may then fail with
   * `Deno.errors.ConnectionRefused`, and the socket goes on. Left out by an engine that hears everybody: whose
   * datagrams are heard is looked at above, too.
   */
  hearOnly?(peer: DatagramAddress): void;
  /**
   * Says whether a receive or a wait for `whenReadable` that is under way, and later ones, keep the program alive. At
   * first they do. Left out by an engine that cannot choose.
   */
  holdProgram?(isHeld: boolean): void;
  /** Frees the socket; a pending receive rejects. Resolves when the address is free again. */
  close(): void | Promise<void>;
  /** Joins a multicast group, where the engine can. */
  joinGroup?(membership: GroupMembership): Promise<void>;
  /** Leaves a group; takes the membership that `joinGroup` took. */
  leaveGroup?(membership: GroupMembership): Promise<void>;
}

/** Where and how to bind a datagram socket. */
export interface DatagramTarget extends PacketConfig {
  /** Host name or IP address of a local interface. */
  readonly hostname: string;
  /** Port, 0 for one that the system chooses. */
  readonly port: number;
  /** Lets several sockets that all ask for it share the address. */
  readonly reuseAddress?: boolean;
  /** Lets several processes that all ask for it share the address: each sender's datagrams go to one of them. */
  readonly reusePort?: boolean;
  /** Whether this host hears what it sends to a group; the engine's default where left out. */
  readonly multicastLoopback?: boolean;
  /** Through how many routers a datagram to an IPv4 group may go, from 1 to 255. */
  readonly multicastTimeToLive?: number;
  /** Through which interface datagrams to a group leave: its IPv4 address, or its index for IPv6. */
  readonly multicastInterface?: string | number;
}

/** A bound datagram socket that somebody has handed to this process. */
export interface AdoptDatagramTarget extends Omit<DatagramTarget, "hostname" | "port"> {
  /** Its descriptor, which belongs to the network from now on. */
  readonly descriptor: number;
  /** As of {@linkcode AdoptTarget}. */
  readonly isHandedOver?: boolean;
}

/** What is known of a host name. */
export interface ResolvedName {
  /** Its IP addresses, the best first; none where the program may not look it up. */
  readonly addresses: readonly string[];
  /** Whether the program may use those addresses, and not only the name. */
  readonly isDirect: boolean;
}
