import { assertEquals, assertThrows } from "@std/assert";
import { denoNetwork, nodeNetwork } from "../../src/network/deno/deno_network.ts";
import { checkInterface, resolveUdpSocketConfig } from "../../src/udp/udp_config.ts";

Deno.test("resolveUdpSocketConfig() has the documented defaults", () => {
  assertEquals(resolveUdpSocketConfig({}), {
    peer: undefined,
    receiveQueueDrop: "newest",
    limits: { timeoutInMillis: 300_000, signal: undefined },
    maxQueuedBytes: 16_777_216,
    datagramSize: 8_192,
    closeTimeoutInMillis: 5_000,
    reuseAddress: false,
    multicastLoopback: true,
    multicastTimeToLive: undefined,
    multicastInterface: undefined,
    socket: Object.create(null),
    inherited: undefined,
    network: denoNetwork,
  });
});

Deno.test("resolveUdpSocketConfig() keeps what is given", () => {
  const config = {
    remoteHost: "[::1]",
    remotePort: 9,
    receiveQueueDrop: "oldest",
    readTimeoutInMillis: 5,
    maxQueuedBytes: 0,
    datagramSize: 65_507,
    closeTimeoutInMillis: Infinity,
    reuseAddress: true,
    multicastLoopback: false,
    multicastTimeToLive: 255,
    multicastInterface: 0,
    inherited: "web",
    network: nodeNetwork,
  } as const;
  const socket = {
    receiveBufferSize: 1,
    sendBufferSize: 2,
    typeOfService: 0,
    timeToLive: 1,
    networkInterface: "lo",
    reusePort: false,
  };
  const { remoteHost: _, remotePort: __, readTimeoutInMillis: timeoutInMillis, ...rest } = config;
  assertEquals(resolveUdpSocketConfig({ ...config, ...socket }), {
    peer: { host: "::1", port: 9 },
    limits: { timeoutInMillis, signal: undefined },
    ...rest,
    socket,
  });
});

Deno.test("checkInterface() takes an address or an index", () => {
  assertEquals([checkInterface("interface", "127.0.0.1"), checkInterface("interface", 3)], [
    "127.0.0.1",
    3,
  ]);
  assertThrows(() => checkInterface("interface", -1), RangeError, "interface");
  assertThrows(() => checkInterface("interface", 1.5), RangeError, "1.5");
  assertEquals(checkInterface("interface", 2_147_483_647), 2_147_483_647);
  assertThrows(() => checkInterface("multicastInterface", 4_294_967_300), RangeError, "multicast");
  assertThrows(() => checkInterface("interface", ""), TypeError, "interface");
  assertThrows(() => checkInterface("interface", null), TypeError, "null");
});
