// What Deno's own OpenTelemetry sends to a collector, compared with the books of the program that has sent it.

import { assert, assertEquals } from "@std/assert";
import { allMetrics } from "../../src/events/metrics.ts";
import { Authority } from "../support/certificates.ts";
import { Collector } from "../support/collector.ts";
import { freePort } from "../support/free_port.ts";
import { Program } from "../support/program.ts";

const authority = await Authority.make("Tests");
const { cert, key } = await authority.sign();
const receive = { "network.io.direction": "receive" };
const transmit = { "network.io.direction": "transmit" };

function start(count: number, endpoint: string, ...flags: string[]): Program {
  return new Program("deno", [
    "run",
    "--quiet",
    "--unstable-net",
    ...flags,
    "--allow-net=127.0.0.1,127.0.0.9",
    new URL("../support/observed_program.ts", import.meta.url).href,
    String(count),
    cert,
    key,
    authority.cert,
  ], {
    lifetimeInMillis: 30_000,
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    },
  });
}

Deno.test("a collector gets what stats() and the clients count, and the spans of all connections", async () => {
  await using collector = new Collector();
  await using program = start(20, collector.url);
  const { plain, secure, datagrams, ports } = JSON.parse((await program.line(/^\{.*\}$/))[0]!);
  const valueOf = (metric: string, port: number, more = {}) =>
    collector.valueOf(metric, { "server.address": "127.0.0.1", "server.port": port, ...more });
  assertEquals([plain.accepted, secure.accepted], [21, 2]);
  const { completed, failed } = secure.handshakes;
  assertEquals([completed, failed, datagrams.sessions.open], [1, 1, 1]);
  const look = () => {
    const values: Record<string, number> = {};
    const note = (metric: string, port: "plain" | "secure" | "datagrams", more = {}) => {
      const name = `${metric} ${port} ${Object.values(more)}`;
      values[name] = valueOf(metric, ports[port], more);
    };
    for (const port of ["plain", "secure"] as const) {
      note("socket.server.accepted_connections", port);
      note("socket.server.active_connections", port);
      note("socket.server.connection.duration", port);
      for (const way of [receive, transmit]) note("socket.server.io", port, way);
      note("socket.client.dial.duration", port);
      note("socket.client.open_connections", port);
      for (const way of [receive, transmit]) note("socket.client.io", port, way);
    }
    note("socket.server.rejected_connections", "plain", { "error.type": "denied" });
    note("socket.server.rejected_connections", "secure", { "error.type": "handshake" });
    note("socket.server.tls_handshake.duration", "secure");
    for (const way of [receive, transmit]) {
      note("socket.datagram.packets", "datagrams", way);
      note("socket.datagram.io", "datagrams", way);
    }
    note("socket.datagram.active_sessions", "datagrams");
    return values;
  };
  const endedOf = ({ ended: { peer, local, error } }: typeof plain) => peer + local + error;
  // The client's books: 20 that have said hello, one that was denied, one that is open, and the secure ones.
  const [arrived, expected] = await collector.compare(look, {
    "socket.server.accepted_connections plain ": plain.accepted,
    "socket.server.active_connections plain ": 1,
    "socket.server.connection.duration plain ": endedOf(plain),
    "socket.server.io plain receive": plain.bytesRead,
    "socket.server.io plain transmit": plain.bytesWritten,
    "socket.client.dial.duration plain ": 22,
    "socket.client.open_connections plain ": 1,
    "socket.client.io plain receive": 110,
    "socket.client.io plain transmit": 110,
    "socket.server.accepted_connections secure ": secure.accepted,
    "socket.server.active_connections secure ": 0,
    "socket.server.connection.duration secure ": endedOf(secure),
    "socket.server.io secure receive": secure.bytesRead,
    "socket.server.io secure transmit": secure.bytesWritten,
    "socket.client.dial.duration secure ": 2,
    "socket.client.open_connections secure ": 0,
    "socket.client.io secure receive": 5,
    "socket.client.io secure transmit": 5,
    "socket.server.rejected_connections plain denied": 1,
    "socket.server.rejected_connections secure handshake": 1,
    "socket.server.tls_handshake.duration secure ": 2,
    // Of both ends, which are in this program.
    "socket.datagram.packets datagrams receive": 6,
    "socket.datagram.io datagrams receive": 30,
    "socket.datagram.packets datagrams transmit": 6,
    "socket.datagram.io datagrams transmit": 30,
    "socket.datagram.active_sessions datagrams ": 1,
  });
  assertEquals(arrived, expected);
  const units = new Map<string, string>(allMetrics().map(([name, { unit }]) => [name, unit]));
  for (const [name, unit] of collector.units) assertEquals(unit, units.get(name), name);

  await program.endInput();
  assertEquals((await program.ending()).code, 0);
  const spans = (name: string) => collector.spans.filter((span) => span.name === name);
  const names = ["socket.server.connection", "socket.client.connection", "socket.server.session"];
  const counts = () => names.map((name) => spans(name).length);
  assertEquals(...await collector.compare(counts, [23, 24, 1], 3));
  const handshakes = spans("socket.tls_handshake");
  assertEquals(handshakes.length, 4);
  for (const handshake of handshakes) {
    const parent = collector.spans.find(({ spanId }) => spanId === handshake.parentSpanId)!;
    assert(parent.name.endsWith(".connection"));
    assert(BigInt(handshake.startTimeUnixNano) >= BigInt(parent.startTimeUnixNano));
    assert(BigInt(handshake.endTimeUnixNano) <= BigInt(parent.endTimeUnixNano));
    assertEquals(handshake.status?.code === 2, parent.status?.code === 2);
  }
  const received = spans("socket.server.connection").map(({ attributes }) =>
    Number(attributes["socket.io.received"] ?? 0)
  );
  assertEquals(received.reduce((sum, bytes) => sum + bytes), plain.bytesRead + secure.bytesRead);
});

Deno.test("a collector that is down costs no memory", async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`;
  await using program = start(1_200, nobody, "--v8-flags=--expose-gc");
  const { heap } = JSON.parse((await program.line(/^\{.*\}$/))[0]!);
  await program.endInput();
  await program.ending();
  assertEquals(heap.length, 4);
  // 900 connections later, with what is compiled meanwhile.
  const grown = heap[3] - heap[0];
  assert(grown < 400_000, `grown by ${grown} bytes: ${heap}`);
});
