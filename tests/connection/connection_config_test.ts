import { assertEquals, assertThrows } from "@std/assert";
import type { ConnectionConfig } from "../../mod.ts";
import { resolveConnectionConfig } from "../../src/connection/connection_config.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";

Deno.test("resolveConnectionConfig() has the reference's defaults, and bounds for the rest", () => {
  assertEquals({ ...resolveConnectionConfig({}) }, {
    readTimeoutInMillis: 300_000,
    writeTimeoutInMillis: 300_000,
    idleTimeoutInMillis: Infinity,
    idleBy: "either",
    heartbeat: undefined,
    closeTimeoutInMillis: 5_000,
    maxQueuedBytes: 16_777_216,
    maxBytesReadPerSecond: Infinity,
    maxBytesWrittenPerSecond: Infinity,
    allowHalfOpen: false,
    overwriteLentBytes: false,
    clock: denoNetwork.clock,
    turns: denoNetwork.turns!,
  });
});

Deno.test("resolveConnectionConfig() names what is wrong", () => {
  const wrong: [string, unknown, typeof TypeError | typeof RangeError][] = [
    ["readTimeoutInMillis", 0, RangeError],
    ["readTimeoutInMillis", "5", TypeError],
    ["writeTimeoutInMillis", -1, RangeError],
    ["idleTimeoutInMillis", 2_147_483_648, RangeError],
    ["idleBy", "sent", TypeError],
    ["closeTimeoutInMillis", NaN, TypeError],
    ["maxQueuedBytes", 0, RangeError],
    ["maxBytesReadPerSecond", 0, RangeError],
    ["maxBytesWrittenPerSecond", "1", TypeError],
    ["maxQueuedBytes", Infinity, RangeError],
    ["allowHalfOpen", "yes", TypeError],
    ["overwriteLentBytes", 1, TypeError],
    ["network", 5, TypeError],
  ];
  for (const [name, value, kind] of wrong) {
    assertThrows(() => resolveConnectionConfig({ [name]: value } as ConnectionConfig), kind, name);
  }
  assertThrows(
    () => resolveConnectionConfig(null as unknown as ConnectionConfig),
    TypeError,
    "config must be",
  );
});

Deno.test("resolveConnectionConfig() takes what was settled as it is", () => {
  const settings = resolveConnectionConfig({ readTimeoutInMillis: 1 });
  assertEquals(resolveConnectionConfig(settings) === settings, true);
});
