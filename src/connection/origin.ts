// Where a connection comes from, and what its listener or client does for it.

import type { SocketError } from "../base/errors.ts";
import type { Transport } from "../network/network.ts";
import type { ProxyHeader } from "../proxy/proxy_header.ts";
import type { ConnectionEnd } from "./connection_end.ts";
import type { MinimumRate } from "./minimum_rate.ts";

/** Makes a stream secure, or frees it and rejects. */
export type Upgrade = (transport: Transport) => Promise<Transport>;

/** A connection that is made secure, and may end during that. */
export interface Upgradable {
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

/** Where a connection comes from. */
export interface Origin {
  /** What a proxy has said about the peer. */
  readonly proxy?: ProxyHeader | undefined;
  /** What its listener allows, if it sets limits. */
  readonly limits?: ListenerLimits | undefined;
  /** Prepares an upgrade. */
  readonly prepareUpgrade?: PrepareUpgrade;
  /** Told of bytes in the clear that keep it from being made secure, and end it. */
  readonly onInjected?: (error: SocketError, transport: Transport) => void;
  /** When it was accepted, by the clock. */
  readonly acceptedAt?: number;
  /** Called once, when the connection has left its listener. */
  readonly onLeave?: (by: ConnectionEnd["by"]) => void;
}
