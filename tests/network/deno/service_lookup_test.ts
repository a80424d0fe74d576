// Whether it understands a name server is tested with dnsmasq: tests/system/peers/service_test.ts.

import { assertRejects } from "@std/assert";
import { lookUpService } from "../../../src/network/deno/service_lookup.ts";

Deno.test("lookUpService() gives up with the signal", async () => {
  // A name server that says nothing.
  const silent = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  const { port } = silent.addr as Deno.NetAddr;
  const controller = new AbortController();
  const asked = silent.receive().then(() => controller.abort(new Error("mine")));
  await assertRejects(
    () => lookUpService("_x._tcp.a.example", controller.signal, { ipAddr: "127.0.0.1", port }),
    Error,
    "mine",
  );
  await asked;
  silent.close();
});
