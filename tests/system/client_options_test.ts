// What a client can ask of its socket that only node:net can do.

import { assertEquals, assertRejects } from "@std/assert";
import { Client, type ClientConfig, Listener, type SocketError } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { listening } from "../support/listening.ts";

Deno.test("Client with localAddress connects from there", async () => {
  await using listener = await listening({
    onConnect: (caller) => void caller.write(caller.remoteAddress),
  });
  await using client = await Client.connect({
    host: "127.0.0.1",
    port: listener.port,
    localAddress: "127.0.0.7",
    keepAliveInMillis: 30_000,
  });
  assertEquals(client.localAddress, "127.0.0.7");
  assertEquals(new TextDecoder().decode((await client.read(9))[0]), "127.0.0.7");
});

Deno.test("Client with resetOnAbort resets, in the clear and over TLS", async () => {
  const authority = await Authority.make("Tests");
  for (const secureSocket of [undefined, await authority.sign()]) {
    const broken = Promise.withResolvers<SocketError>();
    await using listener = new Listener(0, {
      interface: "127.0.0.1",
      ...(secureSocket === undefined ? {} : { secureSocket }),
    });
    const accepted = Promise.withResolvers<void>();
    listener.attach({
      onConnect: () => accepted.resolve(),
      onReadReady() {},
      onError: (_, error) => broken.resolve(error as SocketError),
    });
    await listener.start();
    const client = await Client.connect({
      host: "localhost",
      port: listener.port,
      resetOnAbort: true,
      ...(secureSocket === undefined ? {} : { secureSocket: { caCerts: [authority.cert] } }),
    });
    await accepted.promise;
    client.abort();
    assertEquals((await broken.promise).code, "broken");
    assertEquals((await broken.promise).cause instanceof Deno.errors.ConnectionReset, true);
  }
});

Deno.test("Client checks the options of its socket at the door", async () => {
  for (
    const [options, told] of [
      [{ localAddress: "" }, "localAddress must be"],
      [{ keepAliveInMillis: 999 }, "keepAliveInMillis must be"],
      [{ resetOnAbort: 1 }, "resetOnAbort must be true or false"],
    ] as const
  ) {
    const config = { host: "localhost", port: 1, ...options } as unknown as ClientConfig;
    await assertRejects(() => Client.connect(config), Error, told);
  }
});
