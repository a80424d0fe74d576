// Where a connection comes from, and what its listener or client does for it.

import type { NetworkAddress } from "../base/address.ts";
import type { SocketError } from "../base/errors.ts";
import type { Beginning } from "../events/connection_events.ts";
import type { Events } from "../events/events.ts";
import type { OtelContext } from "../events/otel_api.ts";
import type { Transport } from "../network/network.ts";
import type { ProxyHeader } from "../proxy/proxy_header.ts";
import type { ConnectionEnd } from "./connection_end.ts";
import type { MinimumRate } from "./minimum_rate.ts";

/** Makes a stream secure, or frees it and rejects. */
export type Upgrade = (transport: Transport) => Promise<Transport>;

/** A connection that is made secure, and may end during that. */
export interface Upgradable {
  readonly origin: Origin;
  readonly begunAt: number;
  readonly isFreed: boolean;
  /** Resolves when it is freed. */
  readonly freed: Promise<void>;
  readonly error: SocketError | undefined;
}

/** Checks and reads options, by default those of the listener or client, for a connection that may end during that. */
export type PrepareUpgrade = (
  options: object | undefined,
  connection: Upgradable,
) => Promise<Upgrade>;

/** The limits of a listener, for one of its connections or for all of them together. */
export interface ListenerLimits {
  /** How fast the peer must send; `undefined` if any speed will do. */
  readonly minimumRate: MinimumRate | undefined;
  /**
   * Whether `length` more bytes may be queued, besides those that are. If so, they count from now on; if not, that is
   * reported, unless they were only tried.
   */
  mayQueue(length: number, queuedBytes: number, isTried: boolean): boolean;
  /** `length` bytes are no longer queued. */
  onDequeued(length: number): void;
  /** The connection is ended because it is slower. */
  onSlow(): void;
  /** The connection is ended because it has the most queued. */
  onEvicted(): void;
}

/** How a client came to be connected. */
export interface Dial {
  readonly begunAt: number;
  readonly context: OtelContext | undefined;
  /** Called when the connection has left. */
  left(): void;
}

/** Where a connection comes from. */
export interface Origin {
  /** The `id` that it has had already, on its way in or while it was dialled. */
  readonly id?: number;
  /** Where its end is reported. */
  readonly events?: Events;
  /** When its client began to connect, and what was current then. */
  readonly dial?: Dial;
  /** Where its packets come from, if that is known: a proxy may have said another address. */
  readonly sender?: NetworkAddress;
  /** What a proxy has said about the peer. */
  readonly proxy?: ProxyHeader | undefined;
  /** What its listener allows, if it sets limits. */
  readonly limits?: ListenerLimits | undefined;
  /** Prepares an upgrade. */
  readonly prepareUpgrade?: PrepareUpgrade;
  /** Told of bytes in the clear that keep it from being made secure, and end it. */
  readonly onInjected?: (error: SocketError, transport: Transport, beginning: Beginning) => void;
  /** When it was accepted, by the clock. */
  readonly acceptedAt?: number;
  /** Called once, when the connection has left its listener. */
  readonly onLeave?: (by: ConnectionEnd["by"], error: SocketError | undefined) => void;
  /** Called once, after that, when no method of a service works for it any more. */
  readonly onDone?: () => void;
}
