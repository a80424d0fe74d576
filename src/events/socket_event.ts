// What is reported of sockets while they work: the events themselves. Which owner reports which of them, and with what
// reasons, is said where the owners are.

import { endOf, hostAt, type NetworkAddress, portAt } from "../base/address.ts";
import type { SocketError } from "../base/errors.ts";
import type { SecureInfo } from "../network/secure_info.ts";

/** What every event of a connection or a session says: which one it is. */
export interface EventSubject {
  /** Whether this side has accepted it or dialled it. */
  readonly side: "listener" | "client";
  /** What carries it. */
  readonly transport: "tcp" | "unix" | "udp" | "vsock";
  /** Its `id`, the same in all of its events; a connection that is refused has one, too. */
  readonly id: number;
  /**
   * The peer's IP address, or the path of its socket. Behind a trusted proxy the client's, and the proxy's own while
   * its header has not arrived. Where a client could not connect, the host that was asked for.
   */
  readonly remoteAddress: string;
  /** The peer's port, or 0 if it has none. */
  readonly remotePort: number;
  /** The IP address (or socket path) of this end; empty where it is not known yet. */
  readonly localAddress: string;
  /** The port of this end; 0 if it has none, or where it is not known yet. */
  readonly localPort: number;
}

/** What was agreed on with the peer of a secure connection, in short. */
export interface SecureSummary extends Pick<SecureInfo, "protocol" | "alpnProtocol"> {
  /** The server name that the client asked for, if any. */
  readonly serverName: string | undefined;
}

/** A connection or a session has begun. */
export interface OpenedEvent extends EventSubject {
  /** The kind of event. */
  readonly kind: "opened";
  /** What was agreed on, if it is secure. */
  readonly secure?: SecureSummary;
  /** How long that took: since it was accepted, or since the client began to connect. */
  readonly openingInMillis: number;
}

/** A TLS handshake has succeeded, before the connection was opened or in the middle of it. */
export interface SecuredEvent extends EventSubject {
  /** The kind of event. */
  readonly kind: "secured";
  /** What was agreed on. */
  readonly secure: SecureSummary;
  /** How long the handshake took. */
  readonly durationInMillis: number;
}

/** A connection or a session was refused, or ended by a limit; or a client could not connect. */
export interface RefusedEvent<Reason extends string = string> extends EventSubject {
  /** The kind of event. */
  readonly kind: "refused";
  /** Why. */
  readonly reason: Reason;
  /** What went wrong, where that says more than the reason. */
  readonly error?: SocketError;
  /** How long the handshake or the attempt to connect took that failed. */
  readonly durationInMillis?: number;
}

/** A connection or a session is over: the one record of it. */
export interface EndedEvent extends EventSubject {
  /** The kind of event. */
  readonly kind: "ended";
  /** What has ended it, as in `ConnectionEnd`. */
  readonly by: "peer" | "local" | "stop" | "error";
  /** The error that `closed` gives, if any. */
  readonly error?: SocketError;
  /** How long it lasted: a listener's since it was accepted, a client's since it was made. */
  readonly durationInMillis: number;
  /** Bytes received, without those of PROXY protocol headers. */
  readonly bytesRead: number;
  /** Bytes that the system has taken for sending; of a UDP session, those that were given to be sent. */
  readonly bytesWritten: number;
  /** What was agreed on, if it was secure. */
  readonly secure?: SecureSummary;
  /** How long its handshake took, if it was secure and somebody listened then. */
  readonly handshakeInMillis?: number;
}

/** What the events of a listener itself say. */
export interface ListenerSubject {
  /** The address or path that it is bound to. */
  readonly localAddress: string;
  /** The port that it is bound to. */
  readonly localPort: number;
}

/** The system has no descriptors left, or refuses to accept for another reason: accepting rests. */
export interface RestedEvent extends ListenerSubject {
  /** The kind of event. */
  readonly kind: "rested";
  /** How long it rests. */
  readonly restInMillis: number;
  /** What the system said. */
  readonly error: unknown;
}

/** Certificates were read again, because their files changed or because they were replaced. */
export interface ReloadedEvent extends ListenerSubject {
  /** The kind of event. */
  readonly kind: "reloaded";
  /** Why they cannot be used: the old certificates stay. Without it the new ones are in place. */
  readonly error?: SocketError;
}

/** A stop has begun. */
export interface StoppingEvent extends ListenerSubject {
  /** The kind of event. */
  readonly kind: "stopping";
}

/** It listens no more. */
export interface StoppedEvent extends ListenerSubject {
  /** The kind of event. */
  readonly kind: "stopped";
  /** What has ended accepting for good, if it was not a stop. */
  readonly error?: SocketError;
}

/** Any event. */
export type SocketEvent =
  | OpenedEvent
  | SecuredEvent
  | RefusedEvent
  | EndedEvent
  | RestedEvent
  | ReloadedEvent
  | StoppingEvent
  | StoppedEvent;

/** The kinds of events. */
export type EventKind = SocketEvent["kind"];

/** The two ends of something that events are about. */
export interface Ends {
  readonly localAddr?: NetworkAddress;
  readonly remoteAddr: NetworkAddress;
}

/** What carries something at an address. Deno's secure streams do not say. */
export function carrierOf(address: NetworkAddress): EventSubject["transport"] {
  if ("path" in address) return "unix";
  return (address.transport as "tcp" | "udp" | "vsock" | undefined) ?? "tcp";
}

/** The part that all events of one connection have in common. */
export function subjectOf(
  side: EventSubject["side"],
  id: number,
  ends: Ends,
): EventSubject {
  const remoteAddr = endOf(ends, "remoteAddr");
  return {
    side,
    transport: remoteAddr === undefined ? "tcp" : carrierOf(remoteAddr),
    id,
    remoteAddress: hostAt(ends, "remoteAddr"),
    remotePort: portAt(ends, "remoteAddr"),
    localAddress: hostAt(ends, "localAddr"),
    localPort: portAt(ends, "localAddr"),
  };
}

/** What a secure stream has agreed on, as a field of an event; nothing of one in the clear. */
export function secureFields(
  secure: SecureInfo | undefined,
): { readonly secure?: SecureSummary } {
  return secure === undefined ? {} : { secure: summaryOf(secure) };
}

/** What was agreed on, in short. */
export function summaryOf({ protocol, alpnProtocol, serverName }: SecureInfo): SecureSummary {
  return Object.freeze({ protocol, alpnProtocol, serverName });
}

/** An error as a field of an event, if there is one. */
export function errorField<E>(error: E | undefined): { readonly error?: E } {
  return error === undefined ? {} : { error };
}
