import { assertEquals, assertRejects } from "@std/assert";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import { isDenoTcp, NativeTls } from "../../../src/network/deno/native_tls.ts";
import { connectedTransports } from "../../../testing/mod.ts";
import { plainPair } from "../../support/secure_pair.ts";

const options = {
  hostname: "localhost",
  caCerts: [],
  alpnProtocols: [],
  unsafelyDisableHostnameVerification: false,
};

Deno.test("isDenoTcp() knows Deno's own streams", async () => {
  const [client, server] = await plainPair();
  assertEquals([isDenoTcp(client), isDenoTcp(server)], [true, true]);
  assertEquals(isDenoTcp(connectedTransports()[0]), false);
  const never = new AbortController().signal;
  assertEquals(denoNetwork.startTls!(connectedTransports()[0], options, never), undefined);
  client.close();
  server.close();
});

Deno.test("NativeTls.connect() rejects when it is given up, at any time", async () => {
  for (const isEarly of [true, false]) {
    const [client, server] = await plainPair();
    const controller = new AbortController();
    if (isEarly) controller.abort(new Error("given up"));
    const connecting = assertRejects(
      () => denoNetwork.startTls!(client, options, controller.signal)!,
      Error,
    );
    if (!isEarly) {
      // The handshake has begun.
      await server.read(new Uint8Array(1_000));
      controller.abort(new Error("given up"));
    }
    await connecting;
    server.close();
  }
  assertEquals(typeof NativeTls.connect, "function");
});
