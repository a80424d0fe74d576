// Clients that last, together with all that says how a server is reached: proxies, several hosts, names, TLS. Over real
// sockets.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClientPool, ReconnectingClient, RequestError, Requests } from "../../clients.ts";
import { type Client, type GenericError, LineCodec, Listener } from "../../mod.ts";
import { assertCode } from "../support/assert_code.ts";
import { Authority } from "../support/certificates.ts";
import { freePort } from "../support/free_port.ts";
import { httpProxy } from "../support/http_proxy.ts";
import { named, Redialled, SOON } from "../support/redialled.ts";

/** A proxy that says something else than that it is connected. @param isPatient Whether it waits after that. */
async function refusing(answer: string, isPatient = false): Promise<Listener> {
  const proxy = new Listener(0, { interface: "127.0.0.1" });
  await proxy.serve(async (caller) => {
    await caller.readUntil("\r\n\r\n");
    await caller.write(answer);
    if (isPatient) await caller.read(1);
  }, { onError() {} });
  return proxy;
}

const urlOf = ({ port }: { readonly port: number }) => `http://me:hunter2@127.0.0.1:${port}`;

Deno.test("ReconnectingClient via a proxy goes through it again at each redial", async () => {
  await using server = await named("a");
  await using proxy = await httpProxy();
  await using redialled = new Redialled({ host: "localhost", port: server.port, via: proxy.url });
  for (let round = 1; round <= 3; round++) {
    const [name, { remotePort }] = await redialled.up();
    assertEquals([name, remotePort, proxy.requests.length], ["a", proxy.port, round]);
    await redialled.cutBy(server);
  }
  await redialled.up();
  assertEquals(
    new Set(proxy.requests.map((head) => head.split("\r\n")[0])),
    new Set([`CONNECT localhost:${server.port} HTTP/1.1`]),
  );
});

Deno.test("ReconnectingClient asks its function for via anew, and follows another answer", async () => {
  await using server = await named("a");
  await using first = await httpProxy();
  await using second = await httpProxy();
  const answers = [first.url, second.url, undefined, [first.url, second.url]];
  const asked: string[] = [];
  await using redialled = new Redialled({
    host: "127.0.0.1",
    port: server.port,
    via: ({ host }) => answers[asked.push(host) - 1],
  });
  const ports: number[] = [];
  for (const _ of answers) {
    ports.push((await redialled.up())[1].remotePort);
    await redialled.cutBy(server);
    if (ports.length === answers.length) break;
  }
  assertEquals(ports, [first.port, second.port, server.port, first.port]);
  assertEquals([first.requests.length, second.requests.length], [2, 2]);
  assertEquals(new Set(asked), new Set(["127.0.0.1"]));
});

Deno.test("ReconnectingClient counts what a proxy refuses as failures, tells its words, and goes on", async () => {
  await using server = await named("a");
  await using busy = await refusing("HTTP/1.1 503 Out of order\r\n\r\n");
  await using strict = await refusing("HTTP/1.1 403 Not on Sundays\r\n\r\n");
  await using unknown = await refusing("HTTP/1.1 407 Who are you\r\n\r\n");
  await using silent = await refusing("");
  const gone = { port: await freePort() };
  const working = await httpProxy();
  await using _working = working;
  const proxies = [busy, strict, unknown, silent, gone, working];
  let next = 0;
  await using redialled = new Redialled({
    host: "a.invalid",
    port: server.port,
    via: () => urlOf(proxies[next++]!),
    lookup: () => ["127.0.0.1"],
  });
  assertEquals((await redialled.up())[0], "a");
  const { setbacks } = redialled;
  assertEquals(setbacks.map(({ error, attempt }) => [(error as GenericError).code, attempt]), [
    ["unreachable", 2],
    ["denied", 3],
    ["denied", 4],
    ["unreachable", 5],
    ["unreachable", 6],
  ]);
  const words = ['503 "Out of order"', '403 "Not on Sundays"', '407 "Who are you"', "", "connect"];
  for (const [i, said] of (await redialled.failures(5)).entries()) {
    assert(said.startsWith("Cannot connect to "), said);
    assert(said.includes(`the proxy http://127.0.0.1:${proxies[i]!.port}`), said);
    assert(said.includes(words[i]!), said);
    assert(!Deno.inspect(setbacks[i]).includes("hunter2"));
  }
  const shown = Deno.inspect([redialled.client, redialled.client.state], {
    depth: 9,
    showHidden: true,
  });
  assert(!shown.includes("hunter2"), shown);
});

Deno.test("ReconnectingClient gives each attempt its time, and goes around a proxy that dribbles", async () => {
  await using server = await named("a");
  await using dribbling = await refusing("HTTP/1.1 200 ", true);
  await using working = await httpProxy();
  let asked = 0;
  await using redialled = new Redialled({
    host: "127.0.0.1",
    port: server.port,
    connectTimeoutInMillis: 200,
    via: () => asked++ === 0 ? urlOf(dribbling) : working.url,
  });
  assertEquals((await redialled.up())[0], "a");
  const { error } = redialled.setbacks[0]!;
  assertEquals((error as GenericError).code, "timed-out");
});

Deno.test("ReconnectingClient gives up after maxAttempts with the words of the proxy", async () => {
  await using proxy = await refusing("HTTP/1.1 403 Not on Sundays\r\n\r\n");
  let attempts = 0;
  const client = new ReconnectingClient({
    ...SOON,
    host: "a.invalid",
    port: 1,
    via: urlOf(proxy),
    maxAttempts: 3,
    onState: ({ kind }) => kind === "dialling" && attempts++,
  });
  const error = await assertCode("denied", client.ready());
  assert(error.message.endsWith('it says 403 "Not on Sundays"'), error.message);
  assertEquals([await client.closed, attempts], [error, 3]);
});

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
  const place = { host: "a.invalid", port: 1, via: urlOf(proxy) };
  const client = new ReconnectingClient(place);
  const pool = new ClientPool(place);
  const refused = assertCode("closed", pool.acquire());
  await Promise.all(asked.map(({ promise }) => promise));
  await Promise.all([client.close(), pool.close(), refused, ...left.map(({ promise }) => promise)]);
  assertEquals(client.state, { kind: "closed" });
});

Deno.test("ReconnectingClient asks lookup anew, follows another answer, and outlives none", async () => {
  await using first = await named("a");
  await using second = await named("b", { interface: "127.0.0.2" }, first.port);
  const answers = [
    () => ["127.0.0.1"],
    () => ["127.0.0.2"],
    () => Promise.reject(new Error("no registry")),
    () => [],
    () => ["127.0.0.3", "127.0.0.1"],
  ];
  let asked = 0;
  await using redialled = new Redialled({
    host: "one.example",
    port: first.port,
    lookup: () => answers[asked++]!(),
  });
  assertEquals((await redialled.up())[0], "a");
  await redialled.cutBy(first);
  assertEquals((await redialled.up())[0], "b");
  await redialled.cutBy(second);
  // Nobody listens at the first of the two.
  assertEquals((await redialled.up())[0], "a");
  assertEquals(asked, answers.length);
  const [, , thrown, none] = await redialled.failures(4);
  assert(thrown!.endsWith("Cannot look up one.example: no registry"), thrown);
  assert(none!.includes("the name one.example has no address"), none);
});

Deno.test("ReconnectingClient tries its hosts from the first one on at each redial", async () => {
  await using second = await named("b");
  const port = await freePort();
  const hosts = [{ host: "127.0.0.1", port }, "localhost"];
  await using redialled = new Redialled({ hosts, port: second.port });
  assertEquals((await redialled.up())[0], "b");
  await redialled.cutBy(second);
  assertEquals((await redialled.up())[0], "b");
  await using first = await named("a", {}, port);
  await redialled.cutBy(second);
  assertEquals((await redialled.up())[0], "a");
  await redialled.down(() => first.immediateStop());
  assertEquals((await redialled.up())[0], "b");
});

Deno.test("ReconnectingClient counts a handshake as a part of the attempt, by way of proxies too", async () => {
  const [trusted, other] = await Promise.all([Authority.make("Tests"), Authority.make("Others")]);
  await using server = await named("a", { secureSocket: await other.sign() });
  await using proxy = await httpProxy(undefined, { secureSocket: await trusted.sign() });
  const secureSocket = { caCerts: [trusted.cert] };
  await using redialled = new Redialled({
    hosts: [{ host: "127.0.0.1", port: await freePort() }, "localhost"],
    port: server.port,
    secureSocket,
    via: { url: proxy.url, secureSocket },
  });
  await redialled.failures(2);
  assertEquals(
    redialled.setbacks.map(({ error }) => (error as GenericError).code).slice(0, 2),
    ["handshake", "handshake"],
  );
  await server.replaceCertificate(await trusted.sign());
  const [name, first] = await redialled.up();
  assertEquals([name, first.secure?.serverName], ["a", "localhost"]);
  await redialled.cutBy(server);
  const [, second] = await redialled.up();
  assertEquals([first === second, second.secure?.serverName], [false, "localhost"]);
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
  await using refused = await refusing("HTTP/1.1 403 Not on Sundays\r\n\r\n");
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
  via = urlOf(refused);
  const error = await assertCode("timed-out", pool.acquire({ timeoutInMillis: 200 }));
  assert(error.message.includes('it says 403 "Not on Sundays"'), error.message);
  assertEquals([(error.cause as GenericError).code, pool.stats().lost], ["denied", 2]);
  assert(!Deno.inspect(error).includes("hunter2"));
  via = proxy.url;
  assertEquals([await talk(), proxy.requests.length], ["a", 3]);
  await using quick = new ClientPool({ host: "a.invalid", port: 1, via: urlOf(refused) }, {
    maxAttempts: 1,
  });
  await assertCode("denied", quick.acquire());
});
