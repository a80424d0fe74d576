// Where a connection comes from, and what its listener or its client has to do with it.

import type { SocketError } from "../base/errors.ts";
import type { Transport } from "../network/network.ts";
import type { ProxyHeader } from "../proxy/proxy_header.ts";
import type { ConnectionEnd } from "./connection_end.ts";
import type { MinimumRate } from "./minimum_rate.ts";

/** Makes a stream secure, or frees it and rejects. */
export type Upgrade = (transport: Transport) => Promise<Transport>;

/** A connection that is made secure, and may end meanwhile. */
export interface Upgradable {
  readonly isFreed: boolean;
  /** Resolves when it is freed. */
  readonly freed: Promise<void>;
  readonly error: SocketError | undefined;
}

/** Checks and reads options, without any those of the listener or client, for a connection that may end meanwhile. */
export type PrepareUpgrade = (
  options: object | undefined,
  connection: Upgradable,
) => Promise<Upgrade>;

/** Limits that a listener sets, for one of its connections or for all of them together. */
export interface ListenerLimits {
  /** How fast the peer must send; `undefined` for as slowly as it likes. */
  readonly minimumRate: MinimumRate | undefined;
  /**
   * Whether so many bytes more may be queued, besides those that are. If so, they count from now on; if not, that is
   * reported, but where they were only tried.
   */
  mayQueue(length: number, queuedBytes: number, isTried: boolean): boolean;
  /** So many bytes are no longer queued. */
  onDequeued(length: number): void;
  /** The connection is ended for being slower. */
  onSlow(): void;
  /** It is ended for having most queued. */
  onEvicted(): void;
}

/** Where a connection comes from. */
export interface Origin {
  /** What a proxy has said about the peer. */
  readonly proxy?: ProxyHeader | undefined;
  /** What its listener allows, where it sets limits. */
  readonly limits?: ListenerLimits | undefined;
  /** Prepares an upgrade. */
  readonly prepareUpgrade?: PrepareUpgrade;
  /** Told of bytes in the clear that keep it from being made secure, and end it. */
  readonly onInjected?: (error: SocketError, transport: Transport) => void;
  /** When it was accepted, by the clock. */
  readonly acceptedAt?: number;
  /** Called once, when the connection is no longer one of its listener's. */
  readonly onLeave?: (by: ConnectionEnd["by"]) => void;
}
