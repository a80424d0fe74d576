import { assertEquals } from "@std/assert";
import type { SocketOptionName } from "../../../network.ts";
import { DENO_OPTIONS } from "../../../src/network/deno/deno_options.ts";
import { Client } from "../../../mod.ts";
import { freePort } from "../../support/free_port.ts";
import { listening } from "../../support/listening.ts";

Deno.test("DENO_OPTIONS lists for clients what they really have", async () => {
  await using listener = await listening({ onConnect() {} });
  const values: Partial<Record<SocketOptionName, unknown>> = {
    localAddress: "127.0.0.9",
    localPort: await freePort(),
    keepAliveInMillis: 5_000,
    resetOnAbort: true,
  };
  assertEquals(Object.keys(values), [...DENO_OPTIONS.connect]);
  const to = { host: "127.0.0.1", port: listener.port };
  await using client = await Client.connect({ ...to, ...values as object });
  assertEquals([client.localAddress, client.localPort], ["127.0.0.9", values.localPort]);
});
