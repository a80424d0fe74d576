import { assertEquals, assertThrows } from "@std/assert";
import { resolveClientConfig } from "../../src/connection/client_config.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";

Deno.test("resolveClientConfig() has the reference's defaults", () => {
  const { target, connection, ...others } = resolveClientConfig({ host: "a.example", port: 7 });
  assertEquals([target.host, target.name], ["a.example", "a.example:7"]);
  assertEquals(connection.readTimeoutInMillis, 300_000);
  assertEquals(others, {
    network: denoNetwork,
    connectTimeoutInMillis: 30_000,
    signal: undefined,
    callbackService: undefined,
    proxyHeader: undefined,
    secureSocket: undefined,
  });
});

Deno.test("resolveClientConfig() has the host as the name that a certificate is for", () => {
  const nameOf = (config: Parameters<typeof resolveClientConfig>[0]) =>
    resolveClientConfig(config).secureSocket?.serverName;
  assertEquals(nameOf({ host: "a.example", port: 7, secureSocket: {} }), "a.example");
  const secureSocket = { serverName: "b.example" };
  assertEquals(nameOf({ host: "a.example", port: 7, secureSocket }), "b.example");
  assertEquals(nameOf({ path: "/run/x.sock", secureSocket }), "b.example");
  const nobody = () => nameOf({ path: "/run/x.sock", secureSocket: {} });
  assertThrows(nobody, TypeError, "secureSocket.serverName must be given for a path");
});

Deno.test("resolveClientConfig() names what is wrong", () => {
  for (
    const [config, told] of [
      [{ host: "a.example" }, "port must be a number"],
      [{ host: "", port: 7 }, "host must be"],
      [{ path: "/run/x.sock", port: 7 }, "config must have a path, or a host and a port, not both"],
      [{ host: "a.example", port: 7, connectTimeoutInMillis: 0 }, "connectTimeoutInMillis must be"],
      [{ host: "a.example", port: 7, keepAliveInMillis: 999 }, "keepAliveInMillis must be"],
      [{ host: "a.example", port: 7, resetOnAbort: 1 }, "resetOnAbort must be true or false"],
      [{ host: "a.example", port: 7, signal: 1 }, "signal must be an AbortSignal"],
      [{ host: "a.example", port: 7, callbackService: {} }, "service"],
      [{ host: "a.example", port: 7, adress: "x" }, 'config has no option "adress"'],
    ] as const
  ) {
    assertThrows(() => resolveClientConfig(config as never), Error, told);
  }
});
