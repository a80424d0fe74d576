// What UDP sockets report while they work: the one place where their events are made.

import type { Address } from "../base/address.ts";
import { ipVersion } from "../base/ip_address.ts";
import type { SocketError } from "../base/errors.ts";
import { uniqueId } from "../base/unique_id.ts";
import { Events } from "../events/events.ts";
import type { Observe, Source } from "../events/instruments.ts";
import {
  type EndedEvent,
  errorField,
  type EventSubject,
  type ListenerSubject,
  type OpenedEvent,
  type RefusedEvent,
  type StoppedEvent,
  type StoppingEvent,
} from "../events/socket_event.ts";
import { serverAttributes } from "../events/telemetry.ts";
import type { WatchSettings } from "../events/watch_config.ts";
import type { Clock, DatagramAddress } from "../network/network.ts";
import type { Peer } from "./host_names.ts";
import type { UdpClientStats, UdpListenerStats } from "./udp_stats.ts";

/**
 * Something that has happened at a {@linkcode UdpListener}; its `kind` says what. It is frozen. More kinds may be
 * added: ignore those that you do not know.
 *
 * | Kind | What has happened |
 * | --- | --- |
 * | `"opened"` | a session has begun |
 * | `"refused"` | a datagram would have begun a session, and there are `maxSessions` already |
 * | `"ended"` | a session is over: the one record of it |
 * | `"stopping"`, `"stopped"` | a stop has begun; it receives no more |
 */
export type UdpListenerEvent =
  | OpenedEvent
  | RefusedEvent<"session-limit">
  | EndedEvent
  | StoppingEvent
  | StoppedEvent;

/** Something that has happened to a {@linkcode UdpClient}: it is bound (`"opened"`), or it is over (`"ended"`). */
export type UdpClientEvent = OpenedEvent | EndedEvent;

/** A session, as its events see it. */
export interface EventfulSession {
  readonly endedBy: EndedEvent["by"];
  readonly peer: DatagramAddress;
  readonly ageInMillis: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** A listener, as its events see it. */
export interface EventfulUdpListener {
  readonly port: number;
  readonly address: string;
  stats(): UdpListenerStats;
}

function subject(
  side: EventSubject["side"],
  id: number,
  remote: Peer | undefined,
  local: Address,
): EventSubject {
  return {
    side,
    transport: "udp",
    id,
    // A name stays the host where the engine is to look it up again.
    remoteAddress: remote === undefined
      ? ""
      : ipVersion(remote.host) === 0
      ? remote.ip
      : remote.host,
    remotePort: remote?.port ?? 0,
    localAddress: local.host,
    localPort: local.port,
  };
}

/** Reports what happens at one listener of datagrams. Where nobody listens nothing is made. */
export class UdpListenerEvents implements Source {
  attributes: Source["attributes"] = {};
  readonly #listener: EventfulUdpListener;
  readonly #clock: Clock;
  readonly #point: Events;
  #isOpen = false;

  /**
   * @param listener What the events are about.
   * @param watch Who hears of them.
   * @param clock The time.
   */
  constructor(listener: EventfulUdpListener, watch: WatchSettings, clock: Clock) {
    this.#listener = listener;
    this.#clock = clock;
    this.#point = new Events("datagram", "listener", watch);
  }

  /** The listener is bound. */
  bound(): void {
    this.#isOpen = true;
    this.attributes = serverAttributes("udp", this.#listener.address, this.#listener.port);
    this.#point.addSource(this);
  }

  /** A session has begun. */
  opened(id: number, peer: DatagramAddress): void {
    if (!this.#point.hears("opened")) return;
    this.#point.emit({ kind: "opened", ...this.#session(id, peer), openingInMillis: 0 });
  }

  /** A datagram would have begun a session. */
  refused(peer: DatagramAddress): void {
    if (!this.#point.hears("refused")) return;
    this.#point.emit({
      kind: "refused",
      reason: "session-limit",
      ...this.#session(uniqueId(), peer),
    });
  }

  /** A session is over. @param error What `closed` gives. */
  ended(id: number, session: EventfulSession, error: SocketError | undefined): void {
    if (!this.#point.hears("ended")) return;
    const { peer, endedBy, ageInMillis, bytesRead, bytesWritten } = session;
    const now = this.#clock.now();
    this.#point.emit({
      kind: "ended",
      ...this.#session(id, peer),
      by: endedBy,
      ...errorField(error),
      durationInMillis: Math.round(ageInMillis),
      bytesRead,
      bytesWritten,
    }, { now, begunAt: now - ageInMillis });
  }

  /** A stop has begun. */
  stopping(): void {
    if (!this.#isOpen || !this.#point.hears("stopping")) return;
    this.#point.emit({ kind: "stopping", ...this.#subject });
  }

  /** It receives no more. */
  stopped(error?: SocketError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#point.hears("stopped")) {
      this.#point.emit({ kind: "stopped", ...this.#subject, ...errorField(error) });
    }
    this.#point.removeSource(this);
  }

  /** What OpenTelemetry collects. */
  readonly measure = (observe: Observe): void => {
    const stats = this.#listener.stats();
    measureTraffic(observe, stats);
    observe("socket.datagram.active_sessions", stats.sessions.open);
    observe("socket.datagram.sessions", stats.sessions.begun);
  };

  get #subject(): ListenerSubject {
    return { localAddress: this.#listener.address, localPort: this.#listener.port };
  }

  #session(id: number, { hostname, port }: DatagramAddress): EventSubject {
    const { address, port: localPort } = this.#listener;
    return subject("listener", id, { host: hostname, ip: hostname, port }, {
      host: address,
      port: localPort,
    });
  }
}

/** A UDP client, as its events see it. */
export interface EventfulUdpClient {
  readonly local: Address;
  readonly peer: Peer | undefined;
  stats(): UdpClientStats;
}

/** One for all clients without a listener of their own: channels may have subscribers at any time. */
const COMMON = new Events("datagram", "client", { onEvent: undefined, telemetry: false });

/** Reports what happens to one client of datagrams. */
export class UdpClientEvents implements Source {
  readonly id: number = uniqueId();
  /** The peer that was asked for; a client that hears everybody has no server. */
  attributes: Source["attributes"] = serverAttributes("udp", "", 0);
  readonly #client: EventfulUdpClient;
  readonly #clock: Clock;
  readonly #begunAt: number;
  readonly #point: Events;
  #isOpen = false;

  /** @param client What they are about. @param watch Who hears of them. @param clock The time. */
  constructor(client: EventfulUdpClient, watch: WatchSettings, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#begunAt = clock.now();
    const isWatched = watch.onEvent !== undefined || watch.telemetry;
    this.#point = isWatched ? new Events("datagram", "client", watch) : COMMON;
  }

  /** It is bound. */
  opened(local: Address, peer: Peer | undefined): void {
    this.#isOpen = true;
    this.#point.addSource(this);
    if (!this.#point.hears("opened")) return;
    this.#point.emit({
      kind: "opened",
      ...subject("client", this.id, peer, local),
      openingInMillis: Math.round(this.#clock.now() - this.#begunAt),
    });
  }

  /** It has this peer from now on. @param asked As it was asked for: what was counted before stays with what was before. */
  connected({ host, port }: Address): void {
    if (!this.#point.isTraced) return;
    this.#point.removeSource(this);
    this.attributes = serverAttributes("udp", host, port);
    if (this.#isOpen) this.#point.addSource(this);
  }

  /** It is over. @param error What `closed` gives. */
  ended(error: SocketError | undefined): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#point.hears("ended")) this.#tellEnd(error);
    this.#point.removeSource(this);
  }

  #tellEnd(error: SocketError | undefined): void {
    const { received, sent } = this.#client.stats();
    const now = this.#clock.now();
    this.#point.emit({
      kind: "ended",
      ...subject("client", this.id, this.#client.peer, this.#client.local),
      by: error === undefined ? "local" : "error",
      ...errorField(error),
      durationInMillis: Math.round(now - this.#begunAt),
      bytesRead: received.bytes,
      bytesWritten: sent.bytes,
    }, { now, begunAt: this.#begunAt });
  }

  /** What OpenTelemetry collects. */
  readonly measure = (observe: Observe): void => measureTraffic(observe, this.#client.stats());
}

function measureTraffic(
  observe: Observe,
  { received, sent, dropped, queuedBytes }: UdpClientStats,
): void {
  const receive = { "network.io.direction": "receive" };
  const transmit = { "network.io.direction": "transmit" };
  observe("socket.datagram.packets", received.datagrams, receive);
  observe("socket.datagram.packets", sent.datagrams, transmit);
  observe("socket.datagram.io", received.bytes, receive);
  observe("socket.datagram.io", sent.bytes, transmit);
  for (const [reason, count] of Object.entries(dropped)) {
    observe("socket.datagram.dropped", count, { "error.type": reason });
  }
  observe("socket.datagram.queued", queuedBytes);
}
