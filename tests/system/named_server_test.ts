// Which server a client's numbers and spans are about: the one that the user has named, whatever was reached.

import { assertEquals, assertRejects } from "@std/assert";
import { ClientPool, ReconnectingClient } from "../../clients.ts";
import { Client, GenericError, UdpClient } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { echo } from "../support/echo.ts";
import { type FakeOtel, registerFakeOtel } from "../support/fake_otel.ts";
import { httpProxy, refusingProxy } from "../support/http_proxy.ts";
import { listening } from "../support/listening.ts";

const authority = await Authority.make("Tests");
const { cert, key } = await authority.sign({ hosts: ["db.example"] });
const secureSocket = { caCerts: [authority.cert] };
const lookup = () => ["127.0.0.1"];

/** The servers that clients' numbers and spans name, each once. */
function servers(otel: FakeOtel): unknown[] {
  const collected = Object.keys(otel.collect()).filter((name) => name.startsWith("socket.client"))
    .map((name) => JSON.parse(name.slice(name.indexOf(" "))));
  const recorded = otel.recorded.map(([, , attributes]) => attributes);
  const spans = otel.spans.map(({ attributes }) => attributes)
    .filter((attributes) => "server.address" in attributes || "error.type" in attributes);
  const all = [...collected, ...recorded, ...spans].map((attributes) =>
    JSON.stringify([
      attributes["network.transport"],
      attributes["server.address"],
      attributes["server.port"],
    ])
  );
  return [...new Set(all)].map((one) => JSON.parse(one));
}

/** The peers that the spans of connections and sessions name. */
const peers = ({ spans }: FakeOtel) =>
  spans.filter(({ name }) => name !== "socket.tls_handshake").map(({ attributes }) => [
    attributes["network.peer.address"],
    attributes["network.peer.port"],
  ]);

const durations = ({ recorded }: FakeOtel) =>
  recorded.map(([name, , attributes]) => [name, attributes["error.type"]]);

Deno.test("a client's telemetry names the server that was asked for, whether it was reached or not", async () => {
  using otel = registerFakeOtel();
  const listener = await listening(echo, { secureSocket: { cert, key } });
  const { port } = listener;
  const config = { host: "db.example", port, lookup, telemetry: true, secureSocket };
  const client = await Client.connect(config);
  servers(otel);
  await client.close();
  await assertRejects(() => Client.connect({ ...config, secureSocket: {} }), GenericError);
  await listener.gracefulStop();
  await assertRejects(() => Client.connect(config), GenericError);
  assertEquals(durations(otel), [
    ["socket.client.tls_handshake.duration", undefined],
    ["socket.client.dial.duration", undefined],
    ["socket.client.connection.duration", undefined],
    ["socket.client.tls_handshake.duration", "handshake"],
    ["socket.client.dial.duration", "handshake"],
    ["socket.client.dial.duration", "unreachable"],
  ]);
  assertEquals(servers(otel), [["tcp", "db.example", port]]);
  // What could not be reached has no peer.
  const nobody = [undefined, undefined];
  assertEquals(peers(otel), [["127.0.0.1", port], nobody, nobody]);
});

Deno.test("a client's telemetry names the server behind a proxy, and the proxy as the peer", async () => {
  using otel = registerFakeOtel();
  const listener = await listening(echo, { secureSocket: { cert, key } });
  await using proxy = await httpProxy();
  const { port } = listener;
  const config = { host: "db.example", port, lookup, telemetry: true, secureSocket };
  const client = await Client.connect({ ...config, via: proxy.url });
  await client.close();
  await using refusing = await refusingProxy("HTTP/1.1 403 No\r\n\r\n");
  const via = `http://127.0.0.1:${refusing.port}`;
  await assertRejects(() => Client.connect({ ...config, via }), GenericError);
  await listener.gracefulStop();
  assertEquals(servers(otel), [["tcp", "db.example", port]]);
  assertEquals(peers(otel), [["127.0.0.1", proxy.port], [undefined, undefined]]);
});

Deno.test("clients that last name the server that was asked for", async () => {
  using otel = registerFakeOtel();
  const listener = await listening(echo);
  const { port } = listener;
  const config = { host: "db.example", port, lookup, telemetry: true };
  const client = new ReconnectingClient(config);
  await client.ready();
  const next = Promise.withResolvers<void>();
  client.redial();
  void (async () => {
    for await (const _ of client) next.resolve();
  })();
  await next.promise;
  await using pool = new ClientPool(config);
  await pool.use(() => {});
  await client.close();
  await pool.close();
  await listener.gracefulStop();
  assertEquals(servers(otel), [["tcp", "db.example", port]]);
});

Deno.test("a client's telemetry names the first of several hosts, whichever has answered", async () => {
  using otel = registerFakeOtel();
  const listener = await listening(echo);
  const { port } = listener;
  const hosts = ["a.example", "b.example"].map((host) => ({ host, port }));
  const client = await Client.connect({
    hosts,
    telemetry: true,
    lookup: (host) => host === "b.example" ? ["127.0.0.1"] : [],
  });
  await client.close();
  await listener.gracefulStop();
  assertEquals(servers(otel), [["tcp", "a.example", port]]);
  assertEquals(peers(otel), [["127.0.0.1", port]]);
});

Deno.test("a client's telemetry names a path as server and as peer", async () => {
  using otel = registerFakeOtel();
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const listener = await listening(echo, { path });
  const client = await Client.connect({ path, telemetry: true });
  await client.close();
  await listener.gracefulStop();
  await assertRejects(() => Client.connect({ path, telemetry: true }), GenericError);
  await Deno.remove(folder, { recursive: true });
  assertEquals(servers(otel), [["unix", path, null]]);
  assertEquals(peers(otel), [[path, undefined], [undefined, undefined]]);
});

/** The numbers of sent datagrams, by the server that they name. */
function sentTo(otel: FakeOtel): unknown[] {
  const values = Object.entries(otel.collect())
    .map(([name, value]) => [name, JSON.parse(name.slice(name.indexOf(" "))), value] as const);
  return values.filter(([name, attributes]) =>
    name.startsWith("socket.datagram.packets") &&
    attributes["network.io.direction"] === "transmit"
  ).map((
    [, attributes, value],
  ) => [attributes["server.address"], attributes["server.port"], value]);
}

Deno.test("a UDP client's telemetry names the peer that was asked for, none before", async () => {
  using otel = registerFakeOtel();
  const one = new UdpClient({ host: "127.0.0.1", port: 0 });
  await one.bound;
  const port = one.localPort;
  const opened: string[] = [];
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, {
    telemetry: true,
    onEvent: ({ kind, remoteAddress }) => void opened.push(`${kind} ${remoteAddress}`),
  });
  await client.sendTo("a", { host: "127.0.0.1", port });
  assertEquals(sentTo(otel), [[undefined, undefined, 1]]);
  await client.connect({ host: "localhost", port });
  await client.write("b");
  await client.write("c");
  assertEquals(sentTo(otel), [[undefined, undefined, 1], ["localhost", port, 2]]);
  await client.close();
  const again = new UdpClient({ host: "127.0.0.1", port: 0 }, {
    remoteHost: "localhost",
    remotePort: port,
    telemetry: true,
  });
  await again.write("d");
  await again.close();
  await one.close();
  assertEquals(sentTo(otel), [[undefined, undefined, 1], ["localhost", port, 3]]);
  assertEquals(
    otel.spans.map(({ attributes }) => [
      attributes["server.address"],
      attributes["network.peer.address"],
      attributes["network.peer.port"],
    ]),
    [["localhost", "127.0.0.1", port], ["localhost", "127.0.0.1", port]],
  );
  assertEquals(opened, ["opened ", "ended 127.0.0.1"]);
});

Deno.test("a UDP client without a peer has a span that names neither server nor peer", async () => {
  using otel = registerFakeOtel();
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, { telemetry: true });
  await client.bound;
  await client.close();
  assertEquals(
    otel.spans.map(({ attributes }) =>
      Object.keys(attributes).filter((name) => /\.(address|port)$/.test(name))
    ),
    [[]],
  );
});
