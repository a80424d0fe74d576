// Requests and pools whose connections go through proxies, over real sockets.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClientPool, ReconnectingClient, RequestError, Requests } from "../../clients.ts";
import { type Client, type GenericError, LineCodec, Listener } from "../../mod.ts";
import { assertCode } from "../support/assert_code.ts";
import { Authority } from "../support/certificates.ts";
import { freePort } from "../support/free_port.ts";
import { httpProxy, refusingProxy, secretUrl } from "../support/http_proxy.ts";
import { named, SOON } from "../support/redialled.ts";

Deno.test("ReconnectingClient and ClientPool end at once while a proxy says nothing, and hang up", async () => {
  const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const left = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let count = 0;
  await using proxy = new Listener(0, { interface: "127.0.0.1" });
  await proxy.serve(async (caller) => {
    const number = count++;
    await caller.readUntil("\r\n\r\n");
    asked[number]!.resolve();
    await caller.read().catch(() => {});
    left[number]!.resolve();
  });
  const place = { host: "a.invalid", port: 1, via: secretUrl(proxy) };
  const client = new ReconnectingClient(place);
  const pool = new ClientPool(place);
  const refused = assertCode("closed", pool.acquire());
  await Promise.all(asked.map(({ promise }) => promise));
  await Promise.all([client.close(), pool.close(), refused, ...left.map(({ promise }) => promise)]);
  assertEquals(client.state, { kind: "closed" });
});

Deno.test("Requests are repeated through the proxy, or fail and say that they had left", async () => {
  const authority = await Authority.make("Tests");
  const lines: string[] = [];
  const held = Promise.withResolvers<void>();
  await using server = new Listener(0, {
    interface: "127.0.0.1",
    secureSocket: await authority.sign(),
  });
  await server.serve(async (caller) => {
    for (let line = await caller.readLine(); line !== undefined; line = await caller.readLine()) {
      lines.push(line);
      if (lines.length === 2) held.resolve();
      // The first connection says nothing.
      if (lines.length > 2) await caller.write(`${line.toUpperCase()}\n`);
    }
  }, { onError() {} });
  await using proxy = await httpProxy();
  const client = new ReconnectingClient({
    ...SOON,
    hosts: [{ host: "127.0.0.1", port: await freePort() }, "one.example"],
    port: server.port,
    via: proxy.url,
    lookup: () => ["127.0.0.1"],
    secureSocket: { caCerts: [authority.cert], serverName: "localhost" },
  });
  await using requests = new Requests<string, string>(client, new LineCodec(), {
    isIdempotent: (line) => line.startsWith("get"),
  });
  const once = assertRejects(() => requests.send("set a"), RequestError);
  const again = requests.send("get a");
  await held.promise;
  for (const caller of server.connections) caller.abort();
  const { code, hasLeft } = await once;
  assertEquals([code, hasLeft, await again], ["broken", true, "GET A"]);
  assertEquals(lines, ["set a", "get a", "get a"]);
  assertEquals([requests.stats().repeated, await requests.send("x")], [1, "X"]);
  // Each attempt has asked for both hosts.
  const asked = proxy.requests.map((head) => head.split(" ")[1]);
  assertEquals(asked.filter((target) => target === `127.0.0.1:${server.port}`).length, 2);
});

Deno.test("ClientPool dials through its proxy, and those who wait are told its words", async () => {
  const authority = await Authority.make("Tests");
  await using server = await named("a", { secureSocket: await authority.sign() });
  await using proxy = await httpProxy();
  await using refused = await refusingProxy("HTTP/1.1 403 Not on Sundays\r\n\r\n");
  let via = proxy.url;
  const clients: Client[] = [];
  await using pool = new ClientPool({
    host: "localhost",
    port: server.port,
    via: () => via,
    lookup: () => ["127.0.0.1"],
    secureSocket: { caCerts: [authority.cert] },
  }, {
    ...SOON,
    maxClients: 2,
    onConnect: (client) => {
      clients.push(client);
      return client.readLine();
    },
  });
  const talk = () =>
    pool.use(async (client, name) => {
      await client.write("ping");
      await client.read(4);
      return name;
    });
  assertEquals(await Promise.all([talk(), talk(), talk()]), ["a", "a", "a"]);
  assertEquals([proxy.requests.length, pool.stats().idle], [2, 2]);
  for (const caller of server.connections) caller.abort();
  await Promise.all(clients.map(({ closed }) => closed));
  via = secretUrl(refused);
  const error = await assertCode("timed-out", pool.acquire({ timeoutInMillis: 200 }));
  assert(error.message.includes('it says 403 "Not on Sundays"'), error.message);
  assertEquals([(error.cause as GenericError).code, pool.stats().lost], ["denied", 2]);
  assert(!Deno.inspect(error).includes("hunter2"));
  via = proxy.url;
  assertEquals([await talk(), proxy.requests.length], ["a", 3]);
  await using quick = new ClientPool({ host: "a.invalid", port: 1, via: secretUrl(refused) }, {
    maxAttempts: 1,
  });
  await assertCode("denied", quick.acquire());
});

Deno.test("ClientPool and Requests go through a secure proxy, in the clear inside it and made secure", async () => {
  const authority = await Authority.make("Tests");
  const secureSocket = await authority.sign();
  const caCerts = [authority.cert];
  await using server = new Listener(0, {
    interface: "127.0.0.1",
    secureSocket: { ...secureSocket, mode: "upgrade" },
  });
  await server.serve(async (caller) => {
    for (let line = await caller.readLine(); line !== undefined; line = await caller.readLine()) {
      await caller.write(`${line.toUpperCase()}\n`);
      if (line === "starttls") await caller.upgradeToTls();
    }
  }, { onError() {} });
  await using proxy = await httpProxy(undefined, { secureSocket });
  const via = { url: proxy.url, secureSocket: { caCerts, exposePeerCertificate: true } };
  const place = { host: "localhost", port: server.port, via };
  const secure = async (client: Client) => {
    await client.write("starttls\n");
    assertEquals(await client.readLine(), "STARTTLS");
    await client.upgradeToTls({ caCerts });
  };
  for (const isSecure of [false, true]) {
    const onConnect = (client: Client) => isSecure ? secure(client) : undefined;
    const before = proxy.requests.length;
    await using pool = new ClientPool(place, { onConnect });
    for (let i = 0; i < 2; i++) {
      await pool.use(async (client) => {
        await client.write("ping\n");
        assertEquals([await client.readLine(), client.secure !== undefined], ["PING", isSecure]);
      });
    }
    const client = new ReconnectingClient({ ...place, onUp: onConnect });
    await using requests = new Requests<string, string>(client, new LineCodec());
    assertEquals(await Promise.all([requests.send("a"), requests.send("b")]), ["A", "B"]);
    assertEquals(proxy.requests.length, before + 2);
  }
});
