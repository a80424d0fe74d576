// The metrics that OpenTelemetry gets: names, units and meanings. docs/telemetry.md has the same table with sources.

/** How a metric's values behave. */
interface Metric {
  /** A counter goes up, the other one up and down; both are read when they are collected. */
  readonly kind: "counter" | "upDown" | "histogram";
  /** Its unit: bytes, seconds, or what is counted. */
  readonly unit: string;
  readonly description: string;
  /** The upper ends of a histogram's buckets, in seconds. */
  readonly bounds?: readonly number[];
}

/** For what may last: those of Kestrel's connections. */
const LONG = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];
/** For what should not: those of OpenTelemetry's requests. */
const SHORT = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** All metrics. */
export const METRICS = {
  "socket.server.active_connections": {
    kind: "upDown",
    unit: "{connection}",
    description: "Connections that are open",
  },
  "socket.server.accepted_connections": {
    kind: "counter",
    unit: "{connection}",
    description: "Connections that were let in",
  },
  "socket.server.rejected_connections": {
    kind: "counter",
    unit: "{connection}",
    description: "Connections that were refused, or ended by a limit",
  },
  "socket.server.connection.duration": {
    kind: "histogram",
    unit: "s",
    description: "How long connections lasted",
    bounds: LONG,
  },
  "socket.server.io": { kind: "counter", unit: "By", description: "Bytes received and sent" },
  "socket.server.queued": { kind: "upDown", unit: "By", description: "Bytes waiting to be sent" },
  "socket.server.active_tls_handshakes": {
    kind: "upDown",
    unit: "{handshake}",
    description: "TLS handshakes that are under way",
  },
  "socket.server.tls_handshake.duration": {
    kind: "histogram",
    unit: "s",
    description: "How long TLS handshakes took",
    bounds: SHORT,
  },
  "socket.client.open_connections": {
    kind: "upDown",
    unit: "{connection}",
    description: "Connections that are open",
  },
  "socket.client.connection.duration": {
    kind: "histogram",
    unit: "s",
    description: "How long connections lasted",
    bounds: LONG,
  },
  "socket.client.dial.duration": {
    kind: "histogram",
    unit: "s",
    description: "How long connecting took, handshake included",
    bounds: SHORT,
  },
  "socket.client.reconnects": {
    kind: "counter",
    unit: "{connection}",
    description: "Connections that a client that redials has made after its first one",
  },
  "socket.client.io": { kind: "counter", unit: "By", description: "Bytes received and sent" },
  "socket.client.queued": { kind: "upDown", unit: "By", description: "Bytes waiting to be sent" },
  "socket.client.tls_handshake.duration": {
    kind: "histogram",
    unit: "s",
    description: "How long TLS handshakes took",
    bounds: SHORT,
  },
  "socket.datagram.packets": {
    kind: "counter",
    unit: "{packet}",
    description: "Datagrams received and sent",
  },
  "socket.datagram.io": {
    kind: "counter",
    unit: "By",
    description: "Bytes of datagrams received and sent, without headers",
  },
  "socket.datagram.dropped": {
    kind: "counter",
    unit: "{packet}",
    description: "Datagrams that arrived and were dropped",
  },
  "socket.datagram.queued": { kind: "upDown", unit: "By", description: "Bytes waiting to be sent" },
  "socket.datagram.active_sessions": {
    kind: "upDown",
    unit: "{session}",
    description: "Sessions that are open",
  },
  "socket.datagram.sessions": {
    kind: "counter",
    unit: "{session}",
    description: "Sessions that have begun",
  },
  "socket.datagram.session.duration": {
    kind: "histogram",
    unit: "s",
    description: "How long sessions lasted",
    bounds: LONG,
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** The name of a metric. */
export type MetricName = keyof typeof METRICS;

/** The metrics with their names. */
export function allMetrics(): readonly (readonly [name: MetricName, metric: Metric])[] {
  return Object.entries(METRICS) as [MetricName, Metric][];
}
