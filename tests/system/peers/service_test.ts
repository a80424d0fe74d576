// Services by way of a name server that others wrote.

import { assertEquals, assertRejects } from "@std/assert";
import { Client, denoNetwork } from "../../../mod.ts";
import type { Network } from "../../../network.ts";
import { lookUpService } from "../../../src/network/deno/service_lookup.ts";
import { assertCode } from "../../support/assert_code.ts";
import { startDnsmasq } from "../../support/dnsmasq.ts";
import { freePort } from "../../support/free_port.ts";
import { listening } from "../../support/listening.ts";
import { peerTest } from "../../support/peers.ts";
import { text } from "../../support/text.ts";

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
  const network: Network = {
    ...denoNetwork,
    resolveService: (name, signal) => lookUpService(name, signal, nameServer),
  };
  await using client = await Client.connect({ srv: "_redis._tcp.one.example", network });
  assertEquals(text((await client.read(5))[0]), "hello");
  for (const none of ["_smtp._tcp.one.example", "_redis._tcp.two.example"]) {
    await assertRejects(() => lookUpService(none, signal, nameServer), Deno.errors.NotFound);
    await assertCode("unreachable", Client.connect({ srv: none, network }));
  }
});
