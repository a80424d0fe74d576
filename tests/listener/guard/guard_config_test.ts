import { assertEquals, assertThrows } from "@std/assert";
import { type GuardConfig, resolveGuardConfig } from "../../../src/listener/guard/guard_config.ts";

Deno.test("resolveGuardConfig() fills in what is missing", () => {
  const config = resolveGuardConfig({ proxyProtocol: { trusted: [] } });
  assertEquals(config.maxConnections, Infinity);
  assertEquals(config.ipv6PrefixLength, 64);
  assertEquals(config.minBytesPerSecond, 0);
  assertEquals(config.minRateIntervalInMillis, 5_000);
  assertEquals(config.allow, undefined);
  assertEquals(config.proxyProtocol?.required, true);
  assertEquals(config.proxyProtocol?.headerTimeoutInMillis, 3_000);
  assertEquals(config.proxyProtocol?.maxHeaderLength, 4_096);
});

Deno.test("resolveGuardConfig() names every value that is wrong", () => {
  const limits = [
    "maxConnections",
    "maxConnectionsPerAddress",
    "maxConnectionsPerSecond",
    "maxConnectionsPerSecondPerAddress",
    "maxTotalQueuedBytes",
    "minRateIntervalInMillis",
    "ipv6PrefixLength",
  ];
  for (const name of limits) {
    for (const value of [0, -1, 1.5, -Infinity]) {
      const config = { [name]: value } as GuardConfig;
      assertThrows(() => resolveGuardConfig(config), RangeError, name, `${name}: ${value}`);
    }
    for (const value of [NaN, "5", null, 5n]) {
      const config = { [name]: value } as unknown as GuardConfig;
      assertThrows(() => resolveGuardConfig(config), TypeError, name, `${name}: ${value}`);
    }
  }
  const wrong: [unknown, string][] = [
    [{ minBytesPerSecond: -1 }, "minBytesPerSecond"],
    [{ minBytesPerSecond: Infinity }, "minBytesPerSecond"],
    [{ minRateIntervalInMillis: Infinity }, "minRateIntervalInMillis"],
    [{ ipv6PrefixLength: 129 }, "ipv6PrefixLength"],
    [{ allow: ["x"] }, 'allow must have IP addresses and CIDR blocks: got "x"'],
    [{ deny: ["10.0.0.1/8"] }, "deny must not"],
    [{ proxyProtocol: { trusted: ["10.0.0.0/99"] } }, "proxyProtocol.trusted"],
    [{ proxyProtocol: { trusted: [], maxHeaderLength: 231 } }, "proxyProtocol.maxHeaderLength"],
    [{ proxyProtocol: { trusted: [], maxHeaderLength: 65_552 } }, "proxyProtocol.maxHeaderLength"],
    [{ proxyProtocol: { trusted: [], headerTimeoutInMillis: 0 } }, "headerTimeoutInMillis"],
  ];
  for (const [config, message] of wrong) {
    assertThrows(() => resolveGuardConfig(config as GuardConfig), RangeError, message);
  }
  const mistyped: [unknown, string][] = [
    [{ allow: "10.0.0.0/8" }, "allow must be an array"],
    [{ deny: [10] }, "deny must have strings only"],
    [{ proxyProtocol: true }, "proxyProtocol must be an object"],
    [{ proxyProtocol: {} }, "proxyProtocol.trusted must be an array"],
    [{ proxyProtocol: { trusted: [], required: 1 } }, "proxyProtocol.required"],
  ];
  for (const [config, message] of mistyped) {
    assertThrows(() => resolveGuardConfig(config as GuardConfig), TypeError, message);
  }
});
