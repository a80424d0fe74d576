import { assertEquals, assertThrows } from "@std/assert";
import * as abi from "../../../src/network/linux/abi.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { ipSocketAddress } from "../../../src/network/linux/sockaddr.ts";
import {
  acceptFrom,
  bindTo,
  closeDescriptor,
  interfaceIndex,
  openSocket,
  option,
  ownAddress,
  peerAddress,
  pendingFailure,
  setOption,
  structureOf,
} from "../../../src/network/linux/socket.ts";
import { linuxTest } from "../../support/linux_engine.ts";

linuxTest("openSocket() makes one that never waits and that nobody inherits", () => {
  const socket = openSocket(abi.AF_INET, abi.SOCK_STREAM);
  assertEquals(libc().fcntl(socket, abi.F_GETFL, 0) & abi.O_NONBLOCK, abi.O_NONBLOCK);
  assertEquals(libc().fcntl(socket, abi.F_GETFD, 0), abi.FD_CLOEXEC);
  closeDescriptor(socket);
  assertThrows(() => option(socket, abi.SOL_SOCKET, abi.SO_TYPE), Deno.errors.BadResource);
});

linuxTest("setOption() and option() agree, and say what the system refuses", () => {
  const socket = openSocket(abi.AF_INET, abi.SOCK_STREAM);
  setOption(socket, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
  assertEquals(option(socket, abi.IPPROTO_TCP, abi.TCP_NODELAY), 1);
  setOption(socket, abi.SOL_SOCKET, abi.SO_LINGER, new Uint8Array([1, 0, 0, 0, 9, 0, 0, 0]));
  const linger = new Uint8Array(abi.LINGER_BYTES);
  assertEquals(structureOf(socket, abi.SOL_SOCKET, abi.SO_LINGER, linger), 8);
  assertEquals([linger[0], linger[4]], [1, 9]);
  assertThrows(() => setOption(socket, abi.IPPROTO_TCP, 9999, 1), Error, "os error 92");
  assertEquals(pendingFailure(socket), 0);
  closeDescriptor(socket);
});

linuxTest("bindTo(), ownAddress(), peerAddress() and acceptFrom() tell of both ends", () => {
  const { listen, connect } = libc();
  const listening = openSocket(abi.AF_INET, abi.SOCK_STREAM);
  bindTo(listening, ipSocketAddress("127.0.0.1", 0));
  listen(listening, 8);
  const address = ownAddress(listening, "tcp") as Deno.NetAddr;
  assertEquals(address.hostname, "127.0.0.1");
  assertEquals(acceptFrom(listening, "tcp"), -11);
  const other = openSocket(abi.AF_INET, abi.SOCK_STREAM);
  assertThrows(() => peerAddress(other, "tcp"), Deno.errors.NotConnected);
  assertThrows(
    () => bindTo(other, ipSocketAddress("127.0.0.1", address.port)),
    Deno.errors.AddrInUse,
  );
  const to = ipSocketAddress("127.0.0.1", address.port);
  connect(other, to, to.length);
  const accepted = acceptFrom(listening, "tcp");
  if (typeof accepted === "number") throw new Error(`accept failed: ${accepted}`);
  assertEquals(accepted.from, ownAddress(other, "tcp"));
  assertEquals(peerAddress(other, "tcp"), address);
  for (const socket of [listening, other, accepted.descriptor]) closeDescriptor(socket);
});

linuxTest("interfaceIndex() knows the loopback interface, and 0 for none", () => {
  assertEquals(interfaceIndex("lo") > 0, true);
  assertEquals(interfaceIndex("no-such-one"), 0);
});
