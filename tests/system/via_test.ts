// Clients by way of proxies, over real sockets.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Caller,
  Client,
  Listener,
  type ProxyHeader,
  type SocketErrorCode,
  type SocketEvent,
} from "../../mod.ts";
import { assertCode } from "../support/assert_code.ts";
import { Authority } from "../support/certificates.ts";
import { dial } from "../support/dial.ts";
import { httpProxy } from "../support/http_proxy.ts";
import { listening } from "../support/listening.ts";
import { text } from "../support/text.ts";

const SECRET = "me:hunter2@";
const echo = { onBytes: (_: unknown, bytes: Uint8Array) => bytes };

Deno.test("Client via a proxy is as without one, also for a server that speaks first", async () => {
  await using listener = await listening({
    onConnect: (caller) => void caller.write("220 hello\n"),
    onBytes: (_, bytes) => bytes,
  });
  await using proxy = await httpProxy();
  const via = proxy.url.replace("//", `//${SECRET}`);
  await using client = await dial(listener, { via });
  assertEquals(await client.readLine(), "220 hello");
  await client.write("ping");
  assertEquals(text((await client.read(4))[0]), "ping");
  assertEquals(client.remotePort, proxy.port);
  assertEquals(proxy.requests[0]!.split("\r\n").slice(0, 3), [
    `CONNECT 127.0.0.1:${listener.port} HTTP/1.1`,
    `Host: 127.0.0.1:${listener.port}`,
    `Proxy-Authorization: Basic ${btoa("me:hunter2")}`,
  ]);
  assert(!Deno.inspect(client, { depth: 9, showHidden: true }).includes("hunter2"));
});

Deno.test("Client via a chain of proxies shakes hands inside, with secure proxies and plain ones", async () => {
  const authority = await Authority.make("Tests");
  const trusted = { caCerts: [authority.cert] };
  const secureSocket = await authority.sign();
  await using listener = await listening(echo, { secureSocket });
  await using plain = await httpProxy();
  await using secure = await httpProxy(undefined, { secureSocket });
  const safe = { url: secure.url, secureSocket: trusted };
  for (const via of [plain.url, safe, [plain.url, safe], [safe, plain.url], [safe, safe]]) {
    await using client = await Client.connect({
      host: "localhost",
      port: listener.port,
      via,
      secureSocket: trusted,
    });
    assertEquals(client.secure?.serverName, "localhost");
    await client.write(new Uint8Array(300_000).fill(7));
    assertEquals((await client.read(300_000))[0].every((byte) => byte === 7), true);
  }
  // Whoever is not trusted as a proxy gets no request.
  const before = secure.requests.length;
  for (const via of [secure.url, [safe, secure.url]]) {
    const { message } = await assertCode("handshake", dial(listener, { via }));
    const to = `Cannot connect to 127.0.0.1:${listener.port}`;
    const start = `${to}: the proxy ${secure.url} cannot be spoken to: `;
    assert(message.startsWith(`${start}Cannot make the connection to localhost secure`), message);
  }
  // The one that was trusted has asked for the other.
  assertEquals(secure.requests.length, before + 1);
});

Deno.test("Client via a proxy can be made secure later, for the name that it was given", async () => {
  const authority = await Authority.make("Tests");
  await using listener = new Listener(0, {
    interface: "127.0.0.1",
    secureSocket: { ...await authority.sign({ name: "target" }), mode: "upgrade" },
  });
  await listener.serve(async (caller) => {
    if (await caller.readLine() !== "STARTTLS") return;
    await caller.write("go\n");
    await caller.upgradeToTls();
    await caller.write(await caller.readLine() ?? "");
  });
  const caCerts = [authority.cert];
  await using plain = await httpProxy();
  await using secure = await httpProxy(undefined, { secureSocket: await authority.sign() });
  const safe = { url: secure.url, secureSocket: { caCerts } };
  // By Deno's own engine, and by the other one.
  const shown = { url: secure.url, secureSocket: { caCerts, exposePeerCertificate: true } };
  for (const via of [plain.url, safe, shown, [safe, plain.url], [plain.url, safe], [safe, safe]]) {
    for (const exposePeerCertificate of [false, true]) {
      const hosts = ["localhost"];
      const events: SocketEvent[] = [];
      const ended = Promise.withResolvers<void>();
      const onEvent = (event: SocketEvent) => {
        events.push(event);
        if (event.kind === "ended") ended.resolve();
      };
      await using client = await Client.connect({ hosts, port: listener.port, via, onEvent });
      assertEquals(client.secure, undefined);
      await client.write("STARTTLS\n");
      assertEquals(await client.readLine(), "go");
      await client.upgradeToTls({ caCerts, exposePeerCertificate });
      await client.write("hello\n");
      assertEquals(text((await client.read(5))[0]), "hello");
      assertEquals(client.secure?.serverName, "localhost");
      const { peerCertificate } = client.secure!;
      if (exposePeerCertificate) assertEquals(peerCertificate?.subject, "CN=target, O=Tests");
      assertEquals((await client.read())[1], -1);
      await client.close();
      assertEquals(await client.closed, undefined);
      await ended.promise;
      const told = events.map((event) => [event.kind, "secure" in event]);
      assertEquals(told, [["opened", false], ["secured", true], ["ended", true]]);
    }
  }
});

Deno.test("Client via a proxy sends its PROXY header through the tunnel", async () => {
  const header = Promise.withResolvers<ProxyHeader | undefined>();
  await using listener = await listening(
    { onConnect: (caller) => header.resolve(caller.proxy) },
    { proxyProtocol: { trusted: ["127.0.0.1"] } },
  );
  await using proxy = await httpProxy();
  await using client = await dial(listener, { via: proxy.url, sendProxyHeader: {} });
  const { source, destination } = (await header.promise)!;
  assertEquals([source, destination], [
    { transport: "tcp", hostname: "127.0.0.1", port: client.localPort },
    { transport: "tcp", hostname: "127.0.0.1", port: listener.port },
  ]);
});

Deno.test("Client via asks for each host, and goes around the proxy where it is told to", async () => {
  await using listener = await listening(echo);
  await using proxy = await httpProxy();
  const asked: string[] = [];
  const hosts = ["127.0.0.1", "127.0.0.2"];
  for (const direct of hosts) {
    await using client = await Client.connect({
      hosts: [direct],
      port: listener.port,
      via: ({ host }) => {
        asked.push(host);
        return host === "127.0.0.1" ? undefined : proxy.url;
      },
    }).catch(() => undefined);
    if (direct === "127.0.0.1") assertEquals(client?.remotePort, listener.port);
  }
  assertEquals(asked, hosts);
  assertEquals(proxy.requests.map((head) => head.split(" ")[1]), [`127.0.0.2:${listener.port}`]);
});

Deno.test("Client via a proxy that misbehaves gets an error, in time, and leaves nothing open", async () => {
  const endless = new Uint8Array(100_000).fill(0x41);
  const cases: [SocketErrorCode, (caller: Caller) => unknown][] = [
    ["timed-out", () => {}],
    ["timed-out", (caller) => caller.write("HTTP/1.1 200 ")],
    ["unreachable", (caller) => void caller.write(endless)],
    ["unreachable", (caller) => caller.write("220 mail.example ESMTP\r\n")],
    ["unreachable", (caller) => caller.shutdownWrite()],
    ["unreachable", (caller) => caller.abort()],
    ["denied", (caller) => caller.write("HTTP/1.1 407 hunter2\r\n\r\n")],
  ];
  for (const [code, misbehave] of cases) {
    const left = Promise.withResolvers<void>();
    await using proxy = new Listener(0, { interface: "127.0.0.1" });
    await proxy.serve(async (caller) => {
      await caller.readUntil("\r\n\r\n");
      await misbehave(caller);
      while ((await caller.read().catch(() => [0, -1] as const))[1] >= 0);
      left.resolve();
    });
    const via = `http://${SECRET}127.0.0.1:${proxy.port}`;
    const connecting = Client.connect({
      host: "a.invalid",
      port: 1,
      via,
      connectTimeoutInMillis: code === "timed-out" ? 50 : 10_000,
    });
    const error = await assertCode(code, connecting);
    assert(error.message.startsWith("Cannot connect to a.invalid:1: "), error.message);
    assert(!Deno.inspect(error).includes("hunter2"), Deno.inspect(error));
    // It must not take long until the proxy hears of it.
    await left.promise;
  }
});

Deno.test("Client via a proxy is given up by its signal", async () => {
  const asked = Promise.withResolvers<void>();
  await using proxy = await listening({ onBytes: () => asked.resolve() });
  const controller = new AbortController();
  const connecting = Client.connect({
    host: "a.invalid",
    port: 1,
    via: `socks5://127.0.0.1:${proxy.port}`,
    signal: controller.signal,
  });
  await asked.promise;
  controller.abort(new Error("mine"));
  await assertRejects(() => connecting, Error, "mine");
});

Deno.test("Client with hosts and TLS asks for the name of the host that has answered", async () => {
  const authority = await Authority.make("Tests");
  await using listener = await listening(echo, { secureSocket: await authority.sign() });
  const hosts = [{ host: "127.0.0.1", port: 1 }, "localhost"];
  await using client = await Client.connect({
    hosts,
    port: listener.port,
    secureSocket: { caCerts: [authority.cert] },
  });
  assertEquals(client.secure?.serverName, "localhost");
});
