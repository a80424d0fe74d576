import { assertEquals, assertThrows } from "@std/assert";
import {
  resolveUdpListenerConfig,
  type UdpListenerConfig,
} from "../../src/udp/udp_listener_config.ts";

Deno.test("resolveUdpListenerConfig() names what is wrong", () => {
  const make = (config: unknown) => () => resolveUdpListenerConfig(config as UdpListenerConfig);
  assertThrows(make({ interface: "" }), TypeError, "interface");
  assertThrows(make({ maxSessions: -1 }), RangeError, "maxSessions");
  assertThrows(make({ sessionIdleTimeoutInMillis: 0 }), RangeError, "sessionIdleTimeoutInMillis");
  assertThrows(make({ sessionIdleBy: "sent" as never }), TypeError, "sessionIdleBy");
  assertThrows(make({ maxUnreadBytesPerSession: 0.5 }), RangeError, "maxUnreadBytesPerSession");
  assertThrows(make({ maxUnreadBytes: NaN }), TypeError, "maxUnreadBytes");
  assertThrows(make({ signal: {} }), TypeError, "signal");
  assertThrows(make(null), TypeError, "config");
});

Deno.test("resolveUdpListenerConfig() fills in the defaults", () => {
  const { host, maxSessions, session, signal } = resolveUdpListenerConfig({});
  assertEquals([host, maxSessions, signal], ["0.0.0.0", 10_000, undefined]);
  assertEquals([session.idleTimeoutInMillis, session.drop], [60_000, "newest"]);
});
