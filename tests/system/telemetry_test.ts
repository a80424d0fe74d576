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
  await collector.until(() =>
    valueOf("socket.server.accepted_connections", ports.plain) === plain.accepted &&
    valueOf("socket.server.active_connections", ports.plain) === 1 &&
    valueOf("socket.datagram.packets", ports.datagrams, receive) === 3
  );
  assertEquals(plain.accepted, 21);
  for (const [stats, port] of [[plain, ports.plain], [secure, ports.secure]]) {
    assertEquals(valueOf("socket.server.accepted_connections", port), stats.accepted);
    assertEquals(valueOf("socket.server.io", port, receive), stats.bytesRead);
    assertEquals(valueOf("socket.server.io", port, transmit), stats.bytesWritten);
    const { peer, local, error } = stats.ended;
    assertEquals(valueOf("socket.server.connection.duration", port), peer + local + error);
  }
  const rejected = (port: number, reason: string) =>
    valueOf("socket.server.rejected_connections", port, { "error.type": reason });
  assertEquals([rejected(ports.plain, "denied"), rejected(ports.secure, "handshake")], [1, 1]);
  const { completed, failed } = secure.handshakes;
  assertEquals([completed, failed], [1, 1]);
  assertEquals(valueOf("socket.server.tls_handshake.duration", ports.secure), 2);
  // The client's books: 20 that have said hello, one that was denied, one that is open.
  assertEquals(valueOf("socket.client.dial.duration", ports.plain), 22);
  assertEquals(valueOf("socket.client.dial.duration", ports.secure), 2);
  assertEquals(valueOf("socket.client.open_connections", ports.plain), 1);
  for (const way of [receive, transmit]) {
    assertEquals(valueOf("socket.client.io", ports.plain, way), 110);
    assertEquals(valueOf("socket.datagram.packets", ports.datagrams, way), 3);
    assertEquals(valueOf("socket.datagram.io", ports.datagrams, way), 15);
  }
  assertEquals(valueOf("socket.datagram.active_sessions", ports.datagrams), 1);
  assertEquals(datagrams.sessions.open, 1);
  const units = new Map<string, string>(allMetrics().map(([name, { unit }]) => [name, unit]));
  for (const [name, unit] of collector.units) assertEquals(unit, units.get(name), name);

  await program.endInput();
  assertEquals((await program.ending()).code, 0);
  const spans = (name: string) => collector.spans.filter((span) => span.name === name);
  await collector.until(() => spans("socket.server.connection").length >= 23);
  assertEquals(spans("socket.server.connection").length, 23);
  assertEquals(spans("socket.client.connection").length, 24);
  assertEquals(spans("socket.server.session").length, 1);
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
