// What a client reports while it connects, works and ends: the one place where its events are made.

import type { SocketError, SocketErrorCode } from "../base/errors.ts";
import { uniqueId } from "../base/unique_id.ts";
import {
  type Beginning,
  hearsHandshake,
  noteFailedUpgrade,
  noteUpgrade,
  tellOpened,
  tellSecured,
} from "../events/connection_events.ts";
import { Events } from "../events/events.ts";
import type { Observe, Source } from "../events/instruments.ts";
import type { Attributes, OtelContext } from "../events/otel_api.ts";
import type {
  EndedEvent,
  OpenedEvent,
  RefusedEvent,
  SecuredEvent,
} from "../events/socket_event.ts";
import { currentContext, serverAttributes } from "../events/telemetry.ts";
import type { WatchSettings } from "../events/watch_config.ts";
import type { Clock, Transport } from "../network/network.ts";

/**
 * Something that has happened to a client; its `kind` says what. It is frozen. More kinds may be added: ignore those
 * that you do not know.
 *
 * | Kind | What has happened |
 * | --- | --- |
 * | `"opened"` | it is connected |
 * | `"secured"` | a TLS handshake has succeeded, while it connected or by `upgradeToTls` |
 * | `"refused"` | it could not connect; the reason is the code of the error; `"aborted"` where a signal, `close` or `abort` gave it up |
 * | `"ended"` | the connection is over: the one record of it |
 */
export type ClientEvent = OpenedEvent | SecuredEvent | RefusedEvent<SocketErrorCode> | EndedEvent;

/** Where a client connects to. */
export interface Asked {
  readonly transport: "tcp" | "unix";
  /** Host name, IP address or path. */
  readonly address: string;
  readonly port: number;
}

/** Numbers of a connection. */
export interface ClientNumbers {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly queuedBytes: number;
}

/** One for all clients without a listener of their own: channels may have subscribers at any time. */
const COMMON = new Events("connection", "client", { onEvent: undefined, telemetry: false });

/** Reports what happens to one client. */
export class ClientEvents implements Beginning {
  readonly id: number = uniqueId();
  readonly begunAt: number;
  /** What was current when it began to connect. */
  readonly context: OtelContext | undefined;
  /** The point from which events go out; the connection uses it, too. */
  readonly point: Events;
  readonly #clock: Clock;
  readonly #to: Asked;
  /** What OpenTelemetry is told that all of it is about, from the dial to the end. */
  readonly #about: Attributes | undefined;
  #shakenAt = NaN;
  #numbers: Source | undefined;

  /**
   * Begins to connect.
   *
   * @param to Where to.
   * @param watch Who hears of events.
   * @param clock The time.
   */
  constructor(to: Asked, watch: WatchSettings, clock: Clock) {
    this.#clock = clock;
    this.#to = to;
    const isWatched = watch.onEvent !== undefined || watch.telemetry;
    if (watch.telemetry) {
      this.#about = aboutAsked(to);
      this.context = currentContext();
    }
    this.point = isWatched ? new Events("connection", "client", watch, this.#about) : COMMON;
    this.begunAt = clock.now();
  }

  /** A handshake begins. */
  shaking(): void {
    if (hearsHandshake(this.point)) this.#shakenAt = this.#clock.now();
  }

  /** A handshake begins in the middle of the connection. */
  upgrading(plain: Transport): void {
    this.shaking();
    if (!Number.isNaN(this.#shakenAt)) noteUpgrade(plain, this.#shakenAt);
  }

  /** That handshake has failed, which is about to end the connection. */
  upgradeFailed(plain: Transport): void {
    noteFailedUpgrade(plain, this.#clock.now());
  }

  /** The handshake has succeeded. */
  secured(secured: Transport): Transport {
    if (!Number.isNaN(this.#shakenAt)) {
      tellSecured(this.point, this.id, secured, this.#shakenAt, this.#clock.now());
    }
    return secured;
  }

  /** It could not connect. */
  refused(error: SocketError): void {
    if (!this.point.hears("refused")) return;
    const now = this.#clock.now();
    const isHandshake = error.code === "handshake" && !Number.isNaN(this.#shakenAt);
    const { transport, address, port } = this.#to;
    this.point.emit({
      kind: "refused",
      reason: error.code,
      side: "client",
      transport,
      id: this.id,
      remoteAddress: address,
      remotePort: port,
      localAddress: "",
      localPort: 0,
      error,
      durationInMillis: Math.round(now - this.begunAt),
    }, {
      now,
      begunAt: this.begunAt,
      context: this.context,
      handshake: isHandshake
        ? { begunAt: this.#shakenAt, durationInMillis: now - this.#shakenAt }
        : undefined,
    });
  }

  /** It is connected. */
  opened(transport: Transport, numbers: ClientNumbers): void {
    if (this.point.hears("opened")) tellOpened(this.point, this, transport, this.#clock.now());
    if (this.#about !== undefined) {
      this.point.addSource(this.#numbers = sourceOf(this.#about, numbers));
    }
  }

  /** It is over. */
  left(): void {
    if (this.#numbers !== undefined) this.point.removeSource(this.#numbers);
  }
}

/** The server that a client's numbers and spans are about: what it was asked for. */
export function aboutAsked({ transport, address, port }: Asked): Attributes {
  return serverAttributes(transport, address, port);
}

function sourceOf(attributes: Attributes, numbers: ClientNumbers): Source {
  return {
    attributes,
    measure(observe: Observe) {
      observe("socket.client.open_connections", 1);
      observe("socket.client.io", numbers.bytesRead, { "network.io.direction": "receive" });
      observe("socket.client.io", numbers.bytesWritten, { "network.io.direction": "transmit" });
      observe("socket.client.queued", numbers.queuedBytes);
    },
  };
}
