import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClientPool, ReconnectingClient } from "../../clients.ts";
import {
  Client,
  type ClientEvent,
  denoNetwork,
  GenericError,
  Listener,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import { registeredOtel } from "../../src/events/otel_api.ts";
import { Telemetry } from "../../src/events/telemetry.ts";
import { Authority } from "../support/certificates.ts";
import { echo } from "../support/echo.ts";
import { registerFakeOtel } from "../support/fake_otel.ts";
import { listening } from "../support/listening.ts";
import { printedDuring } from "../support/printed_during.ts";

const authority = await Authority.make("Tests");
const { cert, key } = await authority.sign();
const receive = { "network.io.direction": "receive" };
const transmit = { "network.io.direction": "transmit" };

Deno.test("telemetry counts what stats() and the clients count, and each connection is a span", async () => {
  using otel = registerFakeOtel();
  const begun = Date.now();
  const listener = await listening(echo, { telemetry: true });
  const { port } = listener;
  const about = {
    "network.transport": "tcp",
    "network.type": "ipv4",
    "server.address": "127.0.0.1",
    "server.port": port,
  };
  const key = (name: string, more = {}) => `${name} ${JSON.stringify({ ...about, ...more })}`;
  const clients = await Promise.all(
    Array.from({ length: 5 }, () => Client.connect({ host: "127.0.0.1", port, telemetry: true })),
  );
  for (const client of clients) {
    await client.write("hello");
    await client.read(5);
  }
  let values = otel.collect();
  assertEquals(values[key("socket.server.active_connections")], 5);
  assertEquals(values[key("socket.client.open_connections")], 5);
  assertEquals(values[key("socket.client.io", transmit)], 25);
  for (const client of clients) await client.close();
  const { ended } = await stopped(listener);
  assertEquals(ended.peer, 5);
  await Promise.resolve();
  values = otel.collect();
  assertEquals(values[key("socket.server.accepted_connections")], 5);
  for (const side of ["server", "client"]) {
    for (const way of [receive, transmit]) assertEquals(values[key(`socket.${side}.io`, way)], 25);
  }
  assertEquals(values[key("socket.server.active_connections")], 0);
  assertEquals(values[key("socket.client.open_connections")], 0);
  const names = otel.recorded.map(([name]) => name);
  for (
    const name of [
      "socket.client.dial.duration",
      "socket.client.connection.duration",
      "socket.server.connection.duration",
    ]
  ) assertEquals(names.filter((one) => one === name).length, 5, name);
  for (const [, value, attributes] of otel.recorded) {
    assert(value >= 0 && value < 60);
    assertEquals(attributes, about);
  }
  assertEquals(otel.spans.length, 10);
  for (const span of otel.spans) {
    const isServer = span.name === "socket.server.connection";
    assertEquals([span.kind, span.isRoot], isServer ? [1, true] : [2, false]);
    assert(span.startTime >= begun - 5 && span.endTime! >= span.startTime);
    assertEquals(span.attributes["socket.io.received"], 5);
    assertEquals(
      span.attributes[isServer ? "client.address" : "network.peer.address"],
      "127.0.0.1",
    );
    assertEquals(span.status, undefined);
  }
});

async function stopped(listener: Listener) {
  await listener.gracefulStop();
  return listener.stats();
}

Deno.test("telemetry has a handshake as the child of its connection's span, on both sides", async () => {
  using otel = registerFakeOtel();
  const listener = await listening(echo, { telemetry: true, secureSocket: { cert, key } });
  const secureSocket = { caCerts: [authority.cert], serverName: "localhost" };
  const config = { host: "127.0.0.1", port: listener.port, telemetry: true };
  const client = await Client.connect({ ...config, secureSocket });
  await client.write("hello");
  await client.read(5);
  await client.close();
  await listener.gracefulStop();
  for (const side of ["server", "client"]) {
    const parent = otel.spans.find(({ name }) => name === `socket.${side}.connection`)!;
    const child = otel.spans.find((span) => span.parent === parent)!;
    assertEquals(child.name, "socket.tls_handshake");
    assert(child.startTime >= parent.startTime && child.endTime! <= parent.endTime!, side);
    assert(otel.recorded.some(([name]) => name === `socket.${side}.tls_handshake.duration`));
    assertEquals(parent.attributes["tls.client.server_name"], "localhost");
  }
  const server = otel.spans.find(({ name }) => name === "socket.server.connection")!;
  assertEquals(server.attributes["tls.protocol.version"], "1.3");
});

Deno.test("telemetry says what could not be made, with the error", async () => {
  using otel = registerFakeOtel();
  const listener = await listening(echo, { telemetry: true, secureSocket: { cert, key } });
  const config = { host: "127.0.0.1", port: listener.port, telemetry: true };
  await assertRejects(() => Client.connect({ ...config, secureSocket: {} }), GenericError);
  while (listener.stats().handshakes.failed === 0) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const rejected = Object.entries(otel.collect()).find(([name]) =>
    name.startsWith("socket.server.rejected_connections")
  )!;
  assert(rejected[0].includes('"error.type":"handshake"') && rejected[1] === 1);
  await listener.gracefulStop();
  await assertRejects(() => Client.connect(config), GenericError);
  const failed = otel.spans.filter(({ status }) => status !== undefined);
  assertEquals(
    failed.map(({ name, attributes, status }) => [name, attributes["error.type"], status!.code])
      .toSorted(),
    [
      ["socket.client.connection", "handshake", 2],
      ["socket.client.connection", "unreachable", 2],
      ["socket.server.connection", "handshake", 2],
      ["socket.tls_handshake", undefined, 2],
      ["socket.tls_handshake", undefined, 2],
    ],
  );
  const dials = otel.recorded.filter(([name]) => name === "socket.client.dial.duration");
  assertEquals(dials.map(([, , attributes]) => attributes["error.type"]), [
    "handshake",
    "unreachable",
  ]);
});

Deno.test("telemetry says of each dial that is given up that it was, whoever did it", async () => {
  const mine = new Error("mine");
  const other = new GenericError("timed-out", "Another one is over");
  const ways: [name: string, cause: unknown, give: (config: object) => Promise<unknown>][] = [];
  for (const reason of [mine, other, null]) {
    ways.push(["signal", reason, async (config) => {
      const controller = new AbortController();
      const { signal } = controller;
      const thrown = Client.connect({ host: "a.example", port: 7, ...config, signal })
        .catch((error) => error);
      controller.abort(reason);
      assertEquals(await thrown, reason);
    }]);
  }
  const lasting =
    (end: (client: ReconnectingClient, ending: AbortController) => unknown) =>
    async (config: object) => {
      const ending = new AbortController();
      const { signal } = ending;
      const client = new ReconnectingClient({ host: "a.example", port: 7, ...config, signal });
      end(client, ending);
      await client.closed;
    };
  ways.push(["client's signal", mine, lasting((_, ending) => ending.abort(mine))]);
  ways.push(["client.abort", mine, lasting((client) => client.abort(mine))]);
  ways.push(["client.close", undefined, lasting((client) => client.close())]);
  ways.push(["pool.close", undefined, async (config) => {
    const pool = new ClientPool({ host: "a.example", port: 7, ...config });
    const acquired = pool.acquire().catch((error) => error.code);
    await pool.close();
    assertEquals(await acquired, "closed");
  }]);
  for (const [name, cause, give] of ways) {
    using otel = registerFakeOtel();
    const told = Promise.withResolvers<ClientEvent>();
    const network = { ...denoNetwork, connect: () => new Promise<never>(() => {}) };
    await give({ network, telemetry: true, onEvent: told.resolve });
    const event = await told.promise;
    assert(event.kind === "refused" && event.error instanceof GenericError);
    assertEquals([event.reason, event.error.code], ["aborted", "aborted"], name);
    if (cause !== undefined) {
      const given = event.error.cause as Error | null;
      assert(given === cause || given?.cause === cause, name);
    }
    const [span, ...more] = otel.spans;
    assertEquals(more, []);
    assertEquals(span!.status, { code: 2, message: event.error.message }, name);
    assertEquals(span!.attributes["error.type"], "aborted", name);
    assert(event.error.message.startsWith("Cannot connect to a.example:7: given up"));
  }
});

Deno.test("telemetry has one span for a connection that an upgrade ends, its handshake as the child", async () => {
  using otel = registerFakeOtel();
  const secureSocket = { cert, key, mode: "upgrade" } as const;
  const listener = new Listener(0, { interface: "127.0.0.1", telemetry: true, secureSocket });
  await listener.serve(async (caller) => {
    await caller.readLine();
    await caller.write("go\n");
    await caller.upgradeToTls();
  });
  const config = { host: "127.0.0.1", port: listener.port, telemetry: true };
  const client = await Client.connect(config);
  await client.write("STARTTLS\n");
  await client.readLine();
  await assertRejects(() => client.upgradeToTls(), GenericError);
  await client.closed;
  await listener.gracefulStop();
  const { handshakes, accepted, ended } = listener.stats();
  assertEquals([handshakes.failed, accepted, ended.error], [1, 1, 1]);
  for (const side of ["server", "client"]) {
    const spans = otel.spans.filter(({ name }) => name === `socket.${side}.connection`);
    assertEquals(spans.length, 1, side);
    const parent = spans[0]!;
    const children = otel.spans.filter((span) => span.parent === parent);
    assertEquals(children.map(({ name, status }) => [name, status?.code]), [[
      "socket.tls_handshake",
      2,
    ]], side);
    assertEquals([parent.status?.code, parent.attributes["error.type"]], [2, "handshake"], side);
    const [received, sent] = side === "server" ? [9, 3] : [3, 9];
    assertEquals(parent.attributes["socket.io.received"], received, side);
    assertEquals(parent.attributes["socket.io.sent"], sent, side);
    const child = children[0]!;
    assert(child.startTime >= parent.startTime, side);
    assert(child.endTime! <= parent.endTime!, side);
    const shakes = otel.recorded.filter(([name]) =>
      name === `socket.${side}.tls_handshake.duration`
    );
    assertEquals(shakes.map(([, , about]) => about["error.type"]), ["handshake"], side);
  }
  const dials = otel.recorded.filter(([name]) => name === "socket.client.dial.duration");
  assertEquals(dials.map(([, , about]) => about["error.type"]), [undefined]);
});

Deno.test("telemetry counts datagrams and sessions as the sockets do", async () => {
  using otel = registerFakeOtel();
  const listener = new UdpListener(0, { interface: "127.0.0.1", telemetry: true });
  listener.attach(() => ({ onBytes: (_, bytes) => bytes }));
  await listener.start();
  const { port } = listener;
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, {
    remoteHost: "127.0.0.1",
    remotePort: port,
    telemetry: true,
  });
  for (let i = 0; i < 3; i++) {
    await client.write("hello");
    await client.read();
  }
  const key = (name: string, more = {}) =>
    `${name} ${
      JSON.stringify({
        "network.transport": "udp",
        "network.type": "ipv4",
        "server.address": "127.0.0.1",
        "server.port": port,
        ...more,
      })
    }`;
  assertEquals(otel.collect()[key("socket.datagram.active_sessions")], 1);
  await client.close();
  await listener.gracefulStop();
  const values = otel.collect();
  // Both ends are in this program, and are about the same server.
  for (const way of [receive, transmit]) {
    assertEquals(values[key("socket.datagram.packets", way)], 6);
    assertEquals(values[key("socket.datagram.io", way)], 30);
  }
  assertEquals(values[key("socket.datagram.sessions")], 1);
  assertEquals(values[key("socket.datagram.active_sessions")], 0);
  assertEquals(otel.recorded.map(([name]) => name), ["socket.datagram.session.duration"]);
  for (const side of ["server", "client"]) {
    const { attributes } = otel.spans.find(({ name }) => name === `socket.${side}.session`)!;
    assertEquals([attributes["socket.io.received"], attributes["socket.io.sent"]], [15, 15], side);
  }
});

Deno.test("docs/telemetry.md names each span and all its attributes", async () => {
  using otel = registerFakeOtel();
  const secureSocket = { cert, key, alpnProtocols: ["a"] };
  const listener = await listening(echo, { telemetry: true, secureSocket });
  const trusting = { caCerts: [authority.cert], alpnProtocols: ["a"] };
  const place = { host: "localhost", port: listener.port, telemetry: true };
  const client = await Client.connect({ ...place, secureSocket: trusting });
  client.abort();
  await assertRejects(() => Client.connect({ ...place, secureSocket: {} }), GenericError);
  await stopped(listener);
  const udp = new UdpListener(0, { interface: "127.0.0.1", telemetry: true });
  udp.attach(() => ({ onBytes: (_, bytes) => bytes }));
  await udp.start();
  const peer = { remoteHost: "127.0.0.1", remotePort: udp.port };
  const caller = new UdpClient(undefined, { ...peer, telemetry: true });
  await caller.write("hello");
  await caller.read();
  await caller.close();
  await udp.immediateStop();
  const guide = await Deno.readTextFile(new URL("../../docs/telemetry.md", import.meta.url));
  const rows = guide.slice(guide.indexOf("| Span "), guide.indexOf("Counters are not"));
  const named = [...rows.matchAll(/^\|( `[^|]+)/gm)].flatMap(([row]) =>
    [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
  );
  const made = otel.spans.flatMap(({ name, attributes }) => [name, ...Object.keys(attributes)]);
  assertEquals(named.toSorted(), [...new Set(made)].toSorted());
});

Deno.test("telemetry does nothing where no API is registered", async () => {
  const listener = await listening(echo, { telemetry: true });
  const config = { host: "127.0.0.1", port: listener.port, telemetry: true };
  const client = await Client.connect(config);
  await client.close();
  await listener.gracefulStop();
});

Deno.test("Telemetry outlives an API that throws", async () => {
  const place = globalThis as { [place: symbol]: unknown };
  const symbol = Symbol.for("opentelemetry.js.api.1");
  place[symbol] = {
    get metrics() {
      throw new Error("broken API");
    },
  };
  try {
    const printed = await printedDuring(() => {
      const telemetry = new Telemetry("connection", "listener");
      telemetry.addSource({ attributes: {}, measure() {} });
      telemetry.record({ kind: "stopping", localAddress: "a", localPort: 1 }, undefined);
      telemetry.removeSource({ attributes: {}, measure() {} });
    });
    assert(printed.length >= 1);
  } finally {
    delete place[symbol];
  }
});

Deno.test("a client connects although nobody can tell what is current", async () => {
  using _otel = registerFakeOtel();
  const context = registeredOtel()!.context! as { active(): unknown };
  const listener = await listening(echo);
  const printed = await printedDuring(async () => {
    context.active = () => {
      throw new Error("broken context");
    };
    const client = await Client.connect({
      host: "127.0.0.1",
      port: listener.port,
      telemetry: true,
    });
    await client.write("a");
    assertEquals((await client.read(1))[1], 1);
    await client.close();
  });
  assert(printed.join().includes("broken context"), String(printed));
  await listener.gracefulStop();
});
