// What a listener reports while it runs: the one place where its events are made.

import type { NetworkAddress } from "../base/address.ts";
import type { SocketError } from "../base/errors.ts";
import { Events } from "../events/events.ts";
import {
  type Beginning,
  hearsHandshake,
  noteFailedUpgrade,
  noteUpgrade,
  tellOpened,
  tellSecured,
} from "../events/connection_events.ts";
import type { Observe, Source } from "../events/instruments.ts";
import {
  carrierOf,
  type EndedEvent,
  type Ends,
  errorField,
  type ListenerSubject,
  type OpenedEvent,
  type RefusedEvent,
  type ReloadedEvent,
  type RestedEvent,
  type SecuredEvent,
  type StoppedEvent,
  type StoppingEvent,
  subjectOf,
} from "../events/socket_event.ts";
import { serverAttributes } from "../events/telemetry.ts";
import type { WatchSettings } from "../events/watch_config.ts";
import type { Transport } from "../network/network.ts";
import type { ListenerStats } from "./guard/listener_stats.ts";
import type { RejectReason } from "./guard/rejection.ts";

/**
 * Something that has happened at a listener; its `kind` says what. It is frozen. More kinds may be added: ignore those
 * that you do not know.
 *
 * | Kind | What has happened |
 * | --- | --- |
 * | `"opened"` | a connection was let in, and its service or the iteration gets it |
 * | `"secured"` | a TLS handshake has succeeded |
 * | `"refused"` | a connection was refused, or ended by a limit; `"handshake"`: it could not be made secure |
 * | `"ended"` | a connection is over: the one record of it |
 * | `"rested"` | the system has no descriptors left: accepting rests |
 * | `"reloaded"` | certificates were read again, and are in place, or cannot be used |
 * | `"stopping"`, `"stopped"` | a stop has begun; it listens no more |
 */
export type ListenerEvent =
  | OpenedEvent
  | SecuredEvent
  | RefusedEvent<RejectReason | "handshake">
  | EndedEvent
  | RestedEvent
  | ReloadedEvent
  | StoppingEvent
  | StoppedEvent;

/** A listener, as its events see it. */
export interface EventfulListener {
  readonly port: number;
  readonly address: string;
  stats(): ListenerStats;
}

/** Reports what happens at one listener. Where nobody listens nothing is made. */
export class ListenerEvents implements Source {
  /** The point from which events go out; its connections use it, too. */
  readonly point: Events;
  attributes: Source["attributes"] = {};
  readonly #listener: EventfulListener;
  readonly #now: () => number;
  #isOpen = false;

  /**
   * @param listener What the events are about.
   * @param watch Who hears of them.
   * @param now The time.
   */
  constructor(listener: EventfulListener, watch: WatchSettings, now: () => number) {
    this.#listener = listener;
    this.#now = now;
    this.point = new Events("connection", "listener", watch);
  }

  /** The listener is bound. */
  bound(at: NetworkAddress): void {
    this.#isOpen = true;
    const { address, port } = this.#listener;
    this.attributes = serverAttributes(carrierOf(at), address, port);
    this.point.addSource(this);
  }

  /** A connection was refused, or ended by a limit. */
  refused(reason: RejectReason, peer: NetworkAddress, error?: SocketError, id = 0): void {
    if (!this.point.hears("refused")) return;
    this.point.emit({
      kind: "refused",
      reason,
      ...subjectOf("listener", id, { remoteAddr: peer }),
      ...this.#subject,
      ...errorField(error),
    });
  }

  /**
   * A connection could not be made secure.
   *
   * @param shakenAt When the handshake began, NaN if that is not known.
   * @param wasOpen Whether it was handed out before: then OpenTelemetry hears of the handshake with its end.
   */
  insecure(
    { id, begunAt }: Beginning,
    ends: Ends,
    error: SocketError,
    shakenAt = NaN,
    wasOpen = false,
  ): void {
    if (!this.point.hears("refused")) return;
    const now = this.#now();
    const durationInMillis = now - shakenAt;
    const isKnown = !Number.isNaN(shakenAt);
    this.point.emit(
      {
        kind: "refused",
        reason: "handshake",
        ...subjectOf("listener", id, ends),
        ...errorField(error),
        ...(isKnown ? { durationInMillis: Math.round(durationInMillis) } : {}),
      },
      wasOpen ? undefined : {
        now,
        begunAt,
        handshake: isKnown ? { begunAt: shakenAt, durationInMillis } : undefined,
      },
    );
  }

  /** When a handshake begins that somebody wants to hear of; NaN if nobody does. */
  shaking(): number {
    return hearsHandshake(this.point) ? this.#now() : NaN;
  }

  /** An open connection goes into a handshake. Gives what {@linkcode ListenerEvents.shaking} does. */
  upgrading(plain: Transport): number {
    const shakenAt = this.shaking();
    if (!Number.isNaN(shakenAt)) noteUpgrade(plain, shakenAt);
    return shakenAt;
  }

  /** The handshake of an open connection has failed, which is about to end it. */
  upgradeFailed(plain: Transport): void {
    noteFailedUpgrade(plain, this.#now());
  }

  /** A handshake has succeeded. @param shakenAt What {@linkcode ListenerEvents.shaking} gave. */
  secured(id: number, secured: Transport, shakenAt: number): void {
    if (!Number.isNaN(shakenAt)) tellSecured(this.point, id, secured, shakenAt, this.#now());
  }

  /** A connection is handed out. */
  opened(id: number, begunAt: number, transport: Transport): void {
    if (this.point.hears("opened")) {
      tellOpened(this.point, { id, begunAt }, transport, this.#now());
    }
  }

  /** Accepting rests. */
  rested(error: unknown, restInMillis: number): void {
    if (!this.point.hears("rested")) return;
    this.point.emit({ kind: "rested", ...this.#subject, restInMillis, error });
  }

  /** Certificates were read again. */
  reloaded(error?: SocketError): void {
    if (!this.point.hears("reloaded")) return;
    this.point.emit({ kind: "reloaded", ...this.#subject, ...errorField(error) });
  }

  /** A stop has begun. */
  stopping(): void {
    if (!this.#isOpen || !this.point.hears("stopping")) return;
    this.point.emit({ kind: "stopping", ...this.#subject });
  }

  /** It listens no more. */
  stopped(error?: SocketError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.point.hears("stopped")) {
      this.point.emit({ kind: "stopped", ...this.#subject, ...errorField(error) });
    }
    // After a failure of the listening socket its connections go on.
    if (error === undefined) this.point.removeSource(this);
  }

  /** What OpenTelemetry collects. */
  readonly measure = (observe: Observe): void => {
    const stats = this.#listener.stats();
    observe("socket.server.active_connections", stats.open);
    observe("socket.server.accepted_connections", stats.accepted);
    for (const [reason, count] of Object.entries(stats.rejected)) {
      observe("socket.server.rejected_connections", count, { "error.type": reason });
    }
    const { underWay, failed } = stats.handshakes;
    observe("socket.server.rejected_connections", failed, { "error.type": "handshake" });
    observe("socket.server.active_tls_handshakes", underWay);
    observe("socket.server.io", stats.bytesRead, { "network.io.direction": "receive" });
    observe("socket.server.io", stats.bytesWritten, { "network.io.direction": "transmit" });
    observe("socket.server.queued", stats.queuedBytes);
  };

  get #subject(): ListenerSubject {
    return { localAddress: this.#listener.address, localPort: this.#listener.port };
  }
}
