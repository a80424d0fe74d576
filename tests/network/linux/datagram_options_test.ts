import { assertEquals, assertThrows } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { setDatagramOptions, setMembership } from "../../../src/network/linux/datagram_options.ts";
import { closeDescriptor, openSocket, option } from "../../../src/network/linux/socket.ts";
import type { DatagramTarget } from "../../../src/network/network.ts";
import { UdpClient } from "../../../src/udp/udp_client.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { text } from "../../support/text.ts";
import { localClient } from "../../support/udp_engines.ts";

/** What options have on a socket for which a target was set. */
function read(
  family: number,
  target: Omit<DatagramTarget, "port">,
  names: readonly (readonly [level: number, option: number])[],
): number[] {
  const descriptor = openSocket(family, abi.SOCK_DGRAM);
  try {
    setDatagramOptions(descriptor, family, { port: 0, ...target });
    return names.map(([level, name]) => option(descriptor, level, name));
  } finally {
    closeDescriptor(descriptor);
  }
}

linuxTest("setDatagramOptions() sets what is asked for, of IPv4", () => {
  const names = [
    [abi.SOL_SOCKET, abi.SO_BROADCAST],
    [abi.SOL_SOCKET, abi.SO_REUSEADDR],
    [abi.SOL_SOCKET, abi.SO_REUSEPORT],
    [abi.IPPROTO_IP, abi.IP_TTL],
    [abi.IPPROTO_IP, abi.IP_MULTICAST_TTL],
    [abi.IPPROTO_IP, abi.IP_MULTICAST_LOOP],
    [abi.IPPROTO_IP, abi.IP_PKTINFO],
  ] as const;
  const plain = read(abi.AF_INET, { hostname: "127.0.0.1" }, names);
  assertEquals(plain, [1, 0, 0, plain[3]!, 1, 1, 0]);
  const target = {
    hostname: "0.0.0.0",
    reuseAddress: true,
    reusePort: true,
    timeToLive: 7,
    multicastTimeToLive: 9,
    multicastLoopback: false,
  };
  assertEquals(read(abi.AF_INET, target, names), [1, 1, 1, 7, 9, 0, 1]);
});

linuxTest("setDatagramOptions() sets what is asked for, of IPv6", () => {
  const names = [
    [abi.IPPROTO_IPV6, abi.IPV6_V6ONLY],
    [abi.IPPROTO_IPV6, abi.IPV6_UNICAST_HOPS],
    [abi.IPPROTO_IPV6, abi.IPV6_MULTICAST_HOPS],
    [abi.IPPROTO_IPV6, abi.IPV6_MULTICAST_LOOP],
    [abi.IPPROTO_IPV6, abi.IPV6_MULTICAST_IF],
    [abi.IPPROTO_IPV6, abi.IPV6_RECVPKTINFO],
  ] as const;
  const target = {
    hostname: "::",
    timeToLive: 7,
    multicastTimeToLive: 9,
    multicastLoopback: false,
    multicastInterface: 1,
  };
  assertEquals(read(abi.AF_INET6, target, names), [0, 7, 9, 0, 1, 1]);
});

linuxTest("setDatagramOptions() refuses an interface that there is not", () => {
  for (const multicastInterface of ["x", "::1"]) {
    const target = { hostname: "127.0.0.1", multicastInterface };
    assertThrows(() => read(abi.AF_INET, target, []), TypeError, multicastInterface);
  }
  const target = { hostname: "127.0.0.1", multicastInterface: "192.0.2.77" };
  assertThrows(() => read(abi.AF_INET, target, []), Deno.errors.AddrNotAvailable);
});

linuxTest("setMembership() joins and leaves, and says what the system does not like", () => {
  const descriptor = openSocket(abi.AF_INET6, abi.SOCK_DGRAM);
  try {
    for (const group of [{ group: "ff02::76:1", networkInterface: 1 }, { group: "239.255.76.3" }]) {
      const membership = group.group.includes(":")
        ? group
        : { ...group, networkInterface: "127.0.0.1" };
      setMembership(descriptor, membership, true);
      assertThrows(() => setMembership(descriptor, membership, true), Error);
      setMembership(descriptor, membership, false);
      assertThrows(() => setMembership(descriptor, membership, false), Error);
    }
  } finally {
    closeDescriptor(descriptor);
  }
});

linuxTest("A group is heard from one source only, where that is asked for", async () => {
  const group = "232.255.76.1";
  const source = { interface: "127.0.0.1", source: "127.0.0.1" };
  await using receiver = new UdpClient({ host: "0.0.0.0", port: 0 }, {
    network: linuxNetwork,
    maxUnreadBytes: 100_000,
  });
  const leaving = { multicastInterface: "127.0.0.1" };
  await using wanted = localClient(linuxNetwork, leaving);
  await using other = localClient(linuxNetwork, leaving, "127.0.0.2");
  const { port } = await receiver.bound;
  await receiver.joinGroup(group, source);
  await other.sendTo("other", { host: group, port });
  await wanted.sendTo("wanted", { host: group, port });
  await receiver.leaveGroup(group, source);
  await wanted.sendTo("left", { host: group, port });
  await wanted.sendTo("mark", { host: "127.0.0.1", port });
  const got: string[] = [];
  while (got.at(-1) !== "mark") got.push(text((await receiver.receiveFrom())[0]));
  assertEquals(got, ["wanted", "mark"]);
});
