import { assertEquals, assertThrows } from "@std/assert";
import type { ListenerConfig } from "../../mod.ts";
import { resolveListenerConfig } from "../../src/listener/listener_config.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";

Deno.test("resolveListenerConfig() has the reference's defaults", () => {
  const { connection, guard, ...settings } = resolveListenerConfig(61_598, {});
  assertEquals([connection.readTimeoutInMillis, guard.maxConnections], [300_000, Infinity]);
  assertEquals(settings, {
    port: 61_598,
    hostname: "0.0.0.0",
    path: undefined,
    pathMode: undefined,
    backlog: 4_096,
    socket: Object.create(null),
    inherited: undefined,
    notifyReady: false,
    onEvent: undefined,
    signal: undefined,
    stopDeadlineInMillis: 15_000,
    network: denoNetwork,
    secureSocket: undefined,
  });
});

Deno.test("resolveListenerConfig() takes a path instead of an interface and a port", () => {
  const { path, pathMode } = resolveListenerConfig(0, { path: "/run/x.sock", pathMode: 0o660 });
  assertEquals([path, pathMode], ["/run/x.sock", 0o660]);
  const both = "a path, or an interface and a port, not both";
  assertThrows(() => resolveListenerConfig(80, { path: "/run/x.sock" }), TypeError, both);
  assertThrows(
    () => resolveListenerConfig(0, { path: "/run/x.sock", interface: "::" }),
    TypeError,
    both,
  );
});

Deno.test("resolveListenerConfig() names what is wrong", () => {
  const wrong: [string, unknown, typeof TypeError | typeof RangeError][] = [
    ["interface", "", TypeError],
    ["backlog", 0, RangeError],
    ["backlog", "5", TypeError],
    ["keepAliveInMillis", 999, RangeError],
    ["keepAliveInMillis", "never", TypeError],
    ["reusePort", 1, TypeError],
    ["notifyReady", "yes", TypeError],
    ["inherited", -1, RangeError],
    ["inherited", "a:b", TypeError],
    ["inherited", true, TypeError],
    ["onEvent", "log", TypeError],
    ["signal", {}, TypeError],
    ["readTimeoutInMillis", 0, RangeError],
    ["path", 5, TypeError],
    ["pathMode", 0o600, TypeError],
    ["maxConnections", 0, RangeError],
    ["secureSocket", {}, TypeError],
  ];
  for (const [name, value, kind] of wrong) {
    assertThrows(() => resolveListenerConfig(0, { [name]: value } as ListenerConfig), kind, name);
  }
  assertThrows(
    () => resolveListenerConfig(0, { path: "/run/x.sock", pathMode: 0o1000 }),
    RangeError,
    "pathMode",
  );
  assertThrows(
    () => resolveListenerConfig(0, { path: "/run/x.sock", keepAliveInMillis: "system" }),
    TypeError,
    "keepAliveInMillis must not go with a path",
  );
  assertThrows(
    () => resolveListenerConfig(0, { maxBytesReadPerSecond: 9, minBytesPerSecond: 10 }),
    RangeError,
    "maxBytesReadPerSecond must not be less than minBytesPerSecond, 10: got 9",
  );
  assertThrows(() => resolveListenerConfig(70_000, {}), RangeError, "port");
});
