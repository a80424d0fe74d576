import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GenericError, type SocketError } from "../../src/base/errors.ts";
import { truncatedError } from "../../src/base/tls_failure.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { ClientSecurity } from "../../src/tls/client_security.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { plainPair } from "../support/secure_pair.ts";
import { resolveClientSecureSocket } from "../../src/tls/client_secure_socket_config.ts";

Deno.test("ClientSecurity.load() says what cannot be used, before anybody is bothered", async () => {
  for (const config of [{ caCerts: ["garbage"] }, { cert: "x", key: "y" }]) {
    const security = new ClientSecurity(
      resolveClientSecureSocket(config, "localhost"),
      denoNetwork,
    );
    const error = await assertRejects(
      () => security.load(),
      GenericError,
      "Cannot use secureSocket",
    );
    assertEquals((error as SocketError).code, "handshake");
  }
});

Deno.test("ClientSecurity.secure() frees the stream where it fails, whoever is the engine", async () => {
  for (const exposePeerCertificate of [false, true]) {
    const [client, server] = await plainPair();
    const security = new ClientSecurity(
      resolveClientSecureSocket({ exposePeerCertificate }, "localhost"),
      denoNetwork,
    );
    await security.load();
    const securing = assertRejects(() => security.secure(client), GenericError, "TLS");
    await server.write(new TextEncoder().encode("220 hello there, this is no handshake\r\n"));
    await securing;
    while (await server.read(new Uint8Array(1_000)).catch(() => null) !== null);
    server.close();
    await assertRejects(() => client.read(new Uint8Array(1)), Error);
  }
});

Deno.test("ClientSecurity.secure() says so where a stream's beginTls is async by mistake", async () => {
  const [client] = connectedTransports();
  const security = new ClientSecurity(resolveClientSecureSocket({}, "localhost"), denoNetwork);
  await security.load();
  Object.assign(client, { beginTls: () => Promise.reject(new Error("late")) });
  await assertRejects(
    () => security.secure(client),
    GenericError,
    "a transport's beginTls must not be async",
  );
});

Deno.test("ClientSecurity.secure() names the host when what carries it is cut", async () => {
  for (const exposePeerCertificate of [false, true]) {
    const [transport, peer] = connectedTransports();
    // Such a stream may be one to an https:// proxy, with errors of its own.
    const cut = truncatedError();
    transport.read = () => Promise.reject(cut);
    const settings = resolveClientSecureSocket({ exposePeerCertificate }, "a.example");
    const security = new ClientSecurity(settings, denoNetwork);
    await security.load();
    const error = await assertRejects(() => security.secure(transport), GenericError);
    assertEquals(
      [error.code, error.message],
      [
        "handshake",
        "Cannot make the connection to a.example secure: the peer ended the connection " +
        `(${cut.message})`,
      ],
    );
    assertStrictEquals(error.cause, cut);
    peer.close();
  }
});

Deno.test("ClientSecurity.secure() rejects with the reason of a signal", async () => {
  for (const [transport, peer] of [connectedTransports(), await plainPair()]) {
    const security = new ClientSecurity(resolveClientSecureSocket({}, "localhost"), denoNetwork);
    const controller = new AbortController();
    const securing = assertRejects(
      () => security.secure(transport, controller.signal),
      Error,
      "changed my mind",
    );
    controller.abort(new Error("changed my mind"));
    await securing;
    peer.close();
  }
});
