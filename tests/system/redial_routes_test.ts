// Clients that last, together with all that says how a server is reached: proxies, several hosts, names, TLS. Over real
// sockets.

import { assert, assertEquals } from "@std/assert";
import { ReconnectingClient } from "../../clients.ts";
import type { GenericError } from "../../mod.ts";
import { assertCode } from "../support/assert_code.ts";
import { Authority } from "../support/certificates.ts";
import { freePort } from "../support/free_port.ts";
import { httpProxy, refusingProxy, secretUrl } from "../support/http_proxy.ts";
import { named, Redialled, SOON } from "../support/redialled.ts";

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
  await using busy = await refusingProxy("HTTP/1.1 503 Out of order\r\n\r\n");
  await using strict = await refusingProxy("HTTP/1.1 403 Not on Sundays\r\n\r\n");
  await using unknown = await refusingProxy("HTTP/1.1 407 Who are you\r\n\r\n");
  await using silent = await refusingProxy("");
  const gone = { port: await freePort() };
  const working = await httpProxy();
  await using _working = working;
  const proxies = [busy, strict, unknown, silent, gone, working];
  let next = 0;
  await using redialled = new Redialled({
    host: "a.invalid",
    port: server.port,
    via: () => secretUrl(proxies[next++]!),
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
  await using dribbling = await refusingProxy("HTTP/1.1 200 ", true);
  await using working = await httpProxy();
  let asked = 0;
  await using redialled = new Redialled({
    host: "127.0.0.1",
    port: server.port,
    connectTimeoutInMillis: 200,
    via: () => asked++ === 0 ? secretUrl(dribbling) : working.url,
  });
  assertEquals((await redialled.up())[0], "a");
  const { error } = redialled.setbacks[0]!;
  assertEquals((error as GenericError).code, "timed-out");
});

Deno.test("ReconnectingClient gives up after maxAttempts with the words of the proxy", async () => {
  await using proxy = await refusingProxy("HTTP/1.1 403 Not on Sundays\r\n\r\n");
  let attempts = 0;
  const client = new ReconnectingClient({
    ...SOON,
    host: "a.invalid",
    port: 1,
    via: secretUrl(proxy),
    maxAttempts: 3,
    onState: ({ kind }) => kind === "dialling" && attempts++,
  });
  const error = await assertCode("denied", client.ready());
  assert(error.message.endsWith('it says 403 "Not on Sundays"'), error.message);
  assertEquals([await client.closed, attempts], [error, 3]);
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
