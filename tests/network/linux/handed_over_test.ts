import { assertEquals, assertThrows } from "@std/assert";
import { GenericError } from "../../../src/base/errors.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { must } from "../../../src/network/linux/errno.ts";
import { inspect, makeOurs } from "../../../src/network/linux/handed_over.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { ipSocketAddress } from "../../../src/network/linux/sockaddr.ts";
import { bindTo, closeDescriptor, openSocket } from "../../../src/network/linux/socket.ts";
import { linuxTest } from "../../support/linux_engine.ts";

/** `AF_NETLINK`: addresses that nobody here knows. */
const AF_NETLINK = 16;

linuxTest("inspect() says what is wrong with a descriptor, and leaves it alone", () => {
  const address = ipSocketAddress("127.0.0.1", 0);
  const datagrams = openSocket(abi.AF_INET, abi.SOCK_DGRAM);
  const unbound = openSocket(abi.AF_INET6, abi.SOCK_DGRAM);
  bindTo(datagrams, address);
  const bound = openSocket(abi.AF_INET, abi.SOCK_STREAM);
  bindTo(bound, address);
  const listening = openSocket(abi.AF_INET, abi.SOCK_STREAM);
  must("listen", () => libc().listen(listening, 1));
  const netlink = openSocket(AF_NETLINK, abi.SOCK_DGRAM);
  const local = openSocket(abi.AF_UNIX, abi.SOCK_DGRAM);
  const alarm = must("eventfd", () => libc().eventfd(0, abi.EFD_CLOEXEC));
  const wrong: [descriptor: number, kind: number, why: string][] = [
    [1_000_000, abi.SOCK_STREAM, "there is no such descriptor"],
    [alarm, abi.SOCK_STREAM, "it is no socket"],
    [datagrams, abi.SOCK_STREAM, "it is no socket of streams"],
    [listening, abi.SOCK_DGRAM, "it is no socket of datagrams"],
    [bound, abi.SOCK_STREAM, "it does not listen"],
    [unbound, abi.SOCK_DGRAM, "it is not bound"],
    [netlink, abi.SOCK_DGRAM, "its addresses are unknown here"],
    [local, abi.SOCK_DGRAM, "its addresses are unknown here"],
  ];
  for (const [descriptor, kind, why] of wrong) {
    const error = assertThrows(() => inspect({ descriptor }, kind), GenericError);
    assertEquals([error.code, error.message], [
      "unreachable",
      `Cannot take over descriptor ${descriptor}: ${why}`,
    ]);
  }
  assertEquals(inspect({ descriptor: listening }, abi.SOCK_STREAM), abi.AF_INET);
  assertEquals(inspect({ descriptor: datagrams }, abi.SOCK_DGRAM), abi.AF_INET);
  for (const descriptor of [datagrams, unbound, bound, listening, netlink, local, alarm]) {
    must("fcntl", () => libc().fcntl(descriptor, abi.F_GETFD, 0));
    closeDescriptor(descriptor);
  }
});

linuxTest("inspect() refuses what was handed over and taken, in whichever worker", () => {
  const { socket, listen } = libc();
  const descriptor = must("socket", () => socket(abi.AF_INET, abi.SOCK_STREAM, 0));
  must("listen", () => listen(descriptor, 1));
  const handedOver = { descriptor, isHandedOver: true };
  assertEquals(inspect(handedOver, abi.SOCK_STREAM), abi.AF_INET);
  makeOurs(descriptor);
  const error = assertThrows(() => inspect(handedOver, abi.SOCK_STREAM), GenericError);
  assertEquals([error.code, error.message], [
    "in-use",
    `Cannot take over descriptor ${descriptor}: it was taken already, by another worker of this program`,
  ]);
  // Whoever gives a number knows whose it is.
  assertEquals(inspect({ descriptor }, abi.SOCK_STREAM), abi.AF_INET);
  closeDescriptor(descriptor);
});

linuxTest("makeOurs() has a socket never wait, and no other program inherit it", () => {
  const { socket, fcntl } = libc();
  const descriptor = must("socket", () => socket(abi.AF_INET, abi.SOCK_STREAM, 0));
  const flags = () => [
    fcntl(descriptor, abi.F_GETFL, 0) & abi.O_NONBLOCK,
    fcntl(descriptor, abi.F_GETFD, 0),
  ];
  assertEquals(flags(), [0, 0]);
  makeOurs(descriptor);
  assertEquals(flags(), [abi.O_NONBLOCK, abi.FD_CLOEXEC]);
  closeDescriptor(descriptor);
});
