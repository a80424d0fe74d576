// Services by way of a name server that others wrote.

import { assertEquals, assertRejects } from "@std/assert";
import { Client, denoNetwork, type Listener } from "../../../mod.ts";
import type { Network } from "../../../network.ts";
import { lookUpService } from "../../../src/network/deno/service_lookup.ts";
import { assertCode } from "../../support/assert_code.ts";
import { Authority } from "../../support/certificates.ts";
import { startDnsmasq } from "../../support/dnsmasq.ts";
import { freePort } from "../../support/free_port.ts";
import { httpProxy } from "../../support/http_proxy.ts";
import { listening } from "../../support/listening.ts";
import { peerTest } from "../../support/peers.ts";
import { named, Redialled } from "../../support/redialled.ts";
import { text } from "../../support/text.ts";

/** The network, with the name server that is there when it is asked. */
function asking(at: { readonly port: number }): Network {
  return {
    ...denoNetwork,
    resolveService: (name, signal) =>
      lookUpService(name, signal, { ipAddr: "127.0.0.1", port: at.port }),
  };
}

await peerTest("Client finds a service by the SRV records of dnsmasq", ["dnsmasq"], async () => {
  await using listener = await listening({
    onConnect: (caller) => void caller.write("hello"),
    onReadReady() {},
  });
  const port = await freePort();
  const refused = await freePort();
  await using _dnsmasq = await startDnsmasq(
    port,
    `--srv-host=_redis._tcp.one.example,localhost,${listener.port},20,5`,
    `--srv-host=_redis._tcp.one.example,localhost,${refused},10,5`,
    "--host-record=one.example,192.0.2.7",
    "--local=/example/",
  );
  const nameServer = { ipAddr: "127.0.0.1", port };
  const { signal } = new AbortController();
  const records = await lookUpService("_redis._tcp.one.example", signal, nameServer);
  assertEquals(records.toSorted((a, b) => a.priority - b.priority), [
    { priority: 10, weight: 5, host: "localhost.", port: refused },
    { priority: 20, weight: 5, host: "localhost.", port: listener.port },
  ]);
  const network = asking({ port });
  await using client = await Client.connect({ srv: "_redis._tcp.one.example", network });
  assertEquals(text((await client.read(5))[0]), "hello");
  for (const none of ["_smtp._tcp.one.example", "_redis._tcp.two.example"]) {
    await assertRejects(() => lookUpService(none, signal, nameServer), Deno.errors.NotFound);
    await assertCode("unreachable", Client.connect({ srv: none, network }));
  }
});

await peerTest("ReconnectingClient asks for SRV records anew, through proxies and with TLS too", [
  "dnsmasq",
], async () => {
  const authority = await Authority.make("Tests");
  // Valid for the domain, not for the hosts in the records.
  const secureSocket = await authority.sign({ hosts: ["one.example"] });
  await using first = await named("a", { secureSocket });
  await using second = await named("b", { secureSocket });
  await using proxy = await httpProxy();
  const port = await freePort();
  const answering = (target: Listener) =>
    startDnsmasq(
      port,
      `--srv-host=_redis._tcp.one.example,localhost,${target.port}`,
      "--local=/example/",
    );
  const services = await answering(first);
  await using _services = services;
  await using redialled = new Redialled({
    srv: "_redis._tcp.one.example",
    network: asking({ port }),
    via: proxy.url,
    secureSocket: { caCerts: [authority.cert] },
  });
  assertEquals((await redialled.up())[0], "a");
  await redialled.cutBy(first);
  assertEquals((await redialled.up())[0], "a");
  await services[Symbol.asyncDispose]();
  await using _others = await answering(second);
  await redialled.cutBy(first);
  const [name, connection] = await redialled.up();
  assertEquals([name, connection.secure?.serverName], ["b", "one.example"]);
  assertEquals(
    proxy.requests.map((head) => head.split(" ")[1]),
    [first, first, second].map((target) => `localhost:${target.port}`),
  );
});

await peerTest("ReconnectingClient counts a service without records as a failure, and goes on", [
  "dnsmasq",
], async () => {
  await using server = await named("a");
  const at = { port: await freePort() };
  await using _none = await startDnsmasq(at.port, "--local=/example/");
  await using redialled = new Redialled({ srv: "_redis._tcp.one.example", network: asking(at) });
  const [said] = await redialled.failures(2);
  assertEquals(said, "Cannot find _redis._tcp.one.example: the name has no SRV records");
  const record = `--srv-host=_redis._tcp.one.example,localhost,${server.port}`;
  const port = await freePort();
  await using _one = await startDnsmasq(port, record, "--local=/example/");
  at.port = port;
  assertEquals((await redialled.up())[0], "a");
});
