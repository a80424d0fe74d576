// The numbers of a listener as text for Prometheus; used by prometheus.ts and service/.

import type { ListenerStats } from "../mod.ts";

/** A sample: its label, if it has one, and its value. */
type Sample = readonly [label: string, value: number];

function metric(name: string, type: string, help: string, ...samples: Sample[]): string {
  const lines = samples.map(([label, value]) => `socket_${name}${label} ${value}`);
  return [`# HELP socket_${name} ${help}`, `# TYPE socket_${name} ${type}`, ...lines].join("\n");
}

function by(label: string, counts: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(counts).map(([key, count]) => [`{${label}="${key}"}`, count]);
}

/** The text for one listener. */
export function prometheusText(stats: ListenerStats): string {
  const { handshakes, bytesRead: received, bytesWritten: sent } = stats;
  const { completed, failed } = handshakes;
  return [
    metric("connections", "gauge", "Connections that are open.", ["", stats.open]),
    metric("connections_peak", "gauge", "The most that were open at once.", ["", stats.peak]),
    metric("accepted_total", "counter", "Connections let in.", ["", stats.accepted]),
    metric("rejected_total", "counter", "Refused connections.", ...by("reason", stats.rejected)),
    metric("ended_total", "counter", "Connections that are over.", ...by("by", stats.ended)),
    metric("errors_total", "counter", "Ended by an error.", ...by("code", stats.errors)),
    metric("handshakes", "gauge", "TLS handshakes under way.", ["", handshakes.underWay]),
    metric(
      "handshakes_total",
      "counter",
      "TLS handshakes that are over.",
      ...by("outcome", { completed, failed }),
    ),
    metric("bytes_total", "counter", "Bytes of clients.", ...by("direction", { received, sent })),
    metric("queued_bytes", "gauge", "Bytes waiting to be sent.", ["", stats.queuedBytes]),
    metric("rests_total", "counter", "Times without descriptors.", ["", stats.rests]),
  ].join("\n") + "\n";
}
