import { assertEquals, assertThrows } from "@std/assert";
import { resolveClientConfig } from "../../src/connection/client_config.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";

Deno.test("resolveClientConfig() has the reference's defaults", () => {
  const { destination, connection, ...others } = resolveClientConfig({
    host: "a.example",
    port: 7,
  });
  assertEquals([destination.host, destination.name], ["a.example", "a.example:7"]);
  assertEquals(connection.readTimeoutInMillis, 300_000);
  assertEquals(others, {
    network: denoNetwork,
    connectTimeoutInMillis: 30_000,
    signal: undefined,
    callbackService: undefined,
    proxyHeader: undefined,
    secureSocket: undefined,
    watch: { onEvent: undefined, telemetry: false },
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
      [{ path: "/run/x.sock", port: 7 }, "config must have a path, or srv, or hosts"],
      [{ host: "a.example", port: 7, connectTimeoutInMillis: 0 }, "connectTimeoutInMillis must be"],
      [{ host: "a.example", port: 7, keepAliveInMillis: 999 }, "keepAliveInMillis must be"],
      [{ host: "a.example", port: 7, resetOnAbort: 1 }, "resetOnAbort must be true or false"],
      [{ host: "a.example", port: 7, signal: 1 }, "signal must be an AbortSignal"],
      [{ host: "a.example", port: 7, callbackService: {} }, "callbackService has no method"],
      [{ hosts: ["a.example"] }, "port must be a number"],
      [{ hosts: [], port: 7 }, "hosts must be an array with at least one host"],
      [{ hosts: "a.example", port: 7 }, "hosts must be an array"],
      [{ hosts: ["a.example", ""], port: 7 }, "hosts[1] must be"],
      [{ hosts: [null], port: 7 }, "hosts[0] must be an object"],
      [{ hosts: [{ host: "a", prt: 7 }] }, "hosts[0] has no option"],
      [{ hosts: [{ host: "a", port: 0 }] }, "hosts[0].port must be"],
      [{ hosts: [{ host: "a" }] }, "hosts[0].port must be"],
      [{ hosts: [{ host: "a", port: null }], port: 7 }, "hosts[0].port must be"],
      [{ host: "a", port: 7, overwriteLentBytes: null }, "overwriteLentBytes must be"],
      [{ host: "a", port: 7, sendProxyHeader: { sorce: {} } }, "sendProxyHeader has no option"],
      [{ host: "a", port: 7, sendProxyHeader: { tls: 5 } }, "sendProxyHeader has no option"],
      [{ hosts: ["a"], host: "a", port: 7 }, "not two of these"],
      [{ srv: "a.example" }, "srv must be a name such as"],
      [{ srv: "_a._tcp.example", port: 7 }, "srv or a port, not both"],
      [{ srv: "_a._tcp.example", path: "/a" }, "not two of these"],
      [{ host: "a.example", port: 7, family: 5 }, "family must be 4 or 6"],
      [{ host: "a.example", port: 7, lookup: "x" }, "lookup must be a function"],
      [{ host: "a.example", port: 7, via: "a.example:80" }, "via must begin with"],
      [{ path: "/run/x.sock", via: "http://a" }, "config must have a host for via"],
      [{ path: "/run/x.sock", family: 4 }, "config must have a host for family"],
      [{ host: "a.example", port: 7, adress: "x" }, 'config has no option "adress"'],
    ] as const
  ) {
    assertThrows(() => resolveClientConfig(config as never), Error, told);
  }
});
