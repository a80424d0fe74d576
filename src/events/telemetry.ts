// Tells OpenTelemetry what has happened: how long connections, handshakes and dials took, and a span for each
// connection, with its handshake inside.
//
// Decision record: a span is made when the connection is over, with the times that it had. So an open connection costs
// nothing, and a collector that is down keeps none. The times of spans are those of the calendar.

import { timeOfDay } from "../base/time_of_day.ts";
import { ipVersion } from "../base/ip_address.ts";
import { codeOf } from "../base/errors.ts";
import { printThrown, wordsOf } from "../base/user_code.ts";
import { type Instruments, registeredInstruments, type Source } from "./instruments.ts";
import { type Attributes, contextWith, type OtelContext, registeredOtel } from "./otel_api.ts";
import type {
  EndedEvent,
  EventSubject,
  RefusedEvent,
  SecureSummary,
  SocketEvent,
} from "./socket_event.ts";

export type { Source } from "./instruments.ts";

/** When a handshake began, and how long it took. */
export interface HandshakeTimes {
  readonly begunAt: number;
  readonly durationInMillis: number;
  /** It has ended a connection that was open before. */
  readonly hasFailed?: boolean;
}

/** When something began, by the clock of its network. */
export interface EventTimes {
  /** The present time. */
  readonly now: number;
  /** When it was accepted, or when the client began to connect. */
  readonly begunAt: number;
  /** Its handshake, if there was one. */
  readonly handshake?: HandshakeTimes | undefined;
  /** What was current when it began. */
  readonly context?: OtelContext | undefined;
}

/** What is current now, as the parent of what begins now. */
export function currentContext(): OtelContext | undefined {
  try {
    return registeredOtel()?.context?.active();
  } catch (thrown) {
    printThrown(thrown);
    return undefined;
  }
}

const SERVER = 1;
const CLIENT = 2;
const INTERNAL = 0;
const ERROR = 2;

/** The telemetry of one owner of sockets. */
export class Telemetry {
  readonly #matter: "connection" | "datagram";
  readonly #side: "listener" | "client";
  /** What everything that is told of the owner is about: the server. */
  #about: Attributes;

  /** @param about The server, where it is known before there are numbers: what could not be reached has none. */
  constructor(
    matter: "connection" | "datagram",
    side: "listener" | "client",
    about: Attributes = {},
  ) {
    this.#matter = matter;
    this.#side = side;
    this.#about = about;
  }

  /** Has an owner's numbers collected. */
  addSource(source: Source): void {
    this.#about = source.attributes;
    try {
      registeredInstruments()?.addSource(source);
    } catch (thrown) {
      printThrown(thrown);
    }
  }

  /** An owner's numbers do not change any more. */
  removeSource(source: Source): void {
    try {
      registeredInstruments()?.removeSource(source);
    } catch (thrown) {
      printThrown(thrown);
    }
  }

  /** Records an event. What the implementation throws ends nothing. */
  record(event: SocketEvent, times: EventTimes | undefined): void {
    try {
      const instruments = registeredInstruments();
      if (instruments !== undefined) this.#record(instruments, event, times);
    } catch (thrown) {
      printThrown(thrown);
    }
  }

  #record(instruments: Instruments, event: SocketEvent, times: EventTimes | undefined): void {
    const isListener = this.#side === "listener";
    const shake = isListener
      ? "socket.server.tls_handshake.duration"
      : "socket.client.tls_handshake.duration";
    switch (event.kind) {
      case "opened":
        if (this.#matter === "connection" && !isListener) {
          const { openingInMillis } = event;
          instruments.record("socket.client.dial.duration", openingInMillis, this.#about);
        }
        break;
      case "secured":
        instruments.record(shake, event.durationInMillis, {
          ...this.#about,
          ...tlsAttributes(event.secure),
        });
        break;
      case "refused": {
        const attributes = { ...this.#about, "error.type": event.reason };
        const isHandshake = event.reason === "handshake";
        const { durationInMillis } = event;
        if (durationInMillis === undefined) break;
        const failed = times?.handshake?.durationInMillis;
        if (isHandshake && failed !== undefined) instruments.record(shake, failed, attributes);
        if (!isListener) {
          instruments.record("socket.client.dial.duration", durationInMillis, attributes);
        }
        if (times !== undefined) this.#trace(instruments, event, times);
        break;
      }
      case "ended": {
        const about = this.#about;
        const isPlain = event.secure === undefined && event.by !== "error";
        const attributes = isPlain ? about : {
          ...about,
          ...(event.secure === undefined ? {} : tlsAttributes(event.secure)),
          ...errorType(event),
        };
        const metric = this.#matter === "datagram"
          ? "socket.datagram.session.duration"
          : isListener
          ? "socket.server.connection.duration"
          : "socket.client.connection.duration";
        // A client of datagrams is no session.
        if (this.#matter === "connection" || isListener) {
          instruments.record(metric, event.durationInMillis, attributes);
        }
        const handshake = times?.handshake;
        if (handshake?.hasFailed) {
          const failed = { ...about, "error.type": "handshake" };
          instruments.record(shake, handshake.durationInMillis, failed);
        }
        if (times !== undefined) this.#trace(instruments, event, times);
        break;
      }
    }
  }

  /** Makes the span of something that is over. */
  #trace(
    instruments: Instruments,
    event: EndedEvent | RefusedEvent,
    { now, begunAt, handshake, context }: EventTimes,
  ): void {
    const { tracer, api } = instruments;
    if (tracer === undefined) return;
    const wall = timeOfDay();
    const at = (time: number) => wall - (now - time);
    const isListener = this.#side === "listener";
    const name = `socket.${isListener ? "server" : "client"}.${
      this.#matter === "datagram" ? "session" : "connection"
    }`;
    const span = tracer.startSpan(
      name,
      {
        kind: isListener ? SERVER : CLIENT,
        startTime: at(begunAt),
        attributes: spanAttributes(this.#about, event),
        root: context === undefined,
      },
      context,
    );
    const isFailed = event.error !== undefined &&
      (event.kind === "refused" || event.by === "error");
    const failure = { code: ERROR, message: event.error === undefined ? "" : wordsOf(event.error) };
    if (handshake !== undefined) {
      // The beginning of a connection is kept in whole milliseconds.
      const shakenAt = Math.max(handshake.begunAt, begunAt);
      const child = tracer.startSpan(
        "socket.tls_handshake",
        {
          kind: INTERNAL,
          startTime: at(shakenAt),
          root: false,
          attributes: "secure" in event && event.secure !== undefined
            ? tlsAttributes(event.secure)
            : {},
        },
        contextWith(span, api),
      );
      if (event.kind === "refused" || handshake.hasFailed) child.setStatus(failure);
      child.end(at(Math.max(handshake.begunAt + handshake.durationInMillis, shakenAt)));
    }
    if (isFailed) span.setStatus(failure);
    span.end(wall);
  }
}

/**
 * The server that numbers and spans are about: a listener's own address, or what a client was asked for, whether it
 * was reached or not and by way of whom.
 *
 * @param address Host name, IP address or path; empty where there is none.
 * @param port Its port; 0 where it has none.
 */
export function serverAttributes(
  transport: EventSubject["transport"],
  address: string,
  port: number,
): Attributes {
  return {
    "network.transport": transport,
    ...networkType(address),
    ...(address === "" ? {} : { "server.address": address }),
    ...(port === 0 ? {} : { "server.port": port }),
  };
}

function networkType(address: string): Attributes {
  const version = ipVersion(address);
  return version === 0 ? {} : { "network.type": version === 4 ? "ipv4" : "ipv6" };
}

function tlsAttributes({ protocol }: SecureSummary): Attributes {
  return {
    "tls.protocol.name": "tls",
    ...(protocol === undefined ? {} : { "tls.protocol.version": protocol.replace("TLSv", "") }),
  };
}

function errorType({ by, error }: EndedEvent): Attributes {
  return by === "error" && error !== undefined ? { "error.type": codeOf(error) ?? "_OTHER" } : {};
}

/**
 * What a span is about. Each attribute costs about half a microsecond: there are few, and none that says again what
 * another one says.
 */
function spanAttributes(about: Attributes, event: EndedEvent | RefusedEvent): Attributes {
  const { remoteAddress, remotePort, transport } = event;
  const isListener = event.side === "listener";
  const attributes: Record<string, string | number | boolean> = {
    "network.transport": about["network.transport"] ?? transport,
  };
  const address = about["server.address"] ?? (isListener ? event.localAddress : undefined);
  if (address !== undefined) attributes["server.address"] = address;
  const port = about["server.port"];
  if (port !== undefined) attributes["server.port"] = port;
  // What a client could not reach is no peer, and its event has the host that was asked for.
  if (isListener || (event.kind === "ended" && remoteAddress !== "")) {
    attributes[isListener ? "client.address" : "network.peer.address"] = remoteAddress;
    if (remotePort !== 0) {
      attributes[isListener ? "client.port" : "network.peer.port"] = remotePort;
    }
  }
  if (event.kind === "refused") attributes["error.type"] = event.reason;
  else {
    attributes["socket.io.received"] = event.bytesRead;
    attributes["socket.io.sent"] = event.bytesWritten;
    if (event.by === "error") Object.assign(attributes, errorType(event));
    if (event.secure !== undefined) Object.assign(attributes, secureAttributes(event.secure));
  }
  return attributes;
}

function secureAttributes(secure: SecureSummary): Attributes {
  const { serverName, alpnProtocol } = secure;
  return {
    ...tlsAttributes(secure),
    ...(serverName === undefined ? {} : { "tls.client.server_name": serverName }),
    ...(alpnProtocol === undefined ? {} : { "tls.next_protocol": alpnProtocol }),
  };
}
