import { assertEquals, assertThrows } from "@std/assert";
import {
  familyOf,
  ipOf,
  ipSocketAddress,
  networkAddress,
  socketPortOf,
  socketScopeOf,
  unixSocketAddress,
} from "../../../src/network/linux/sockaddr.ts";

Deno.test("ipSocketAddress() writes struct sockaddr_in", () => {
  assertEquals([...ipSocketAddress("192.0.2.1", 8080)], [
    ...[2, 0, 0x1f, 0x90, 192, 0, 2, 1],
    ...new Array(8).fill(0),
  ]);
  assertEquals(familyOf("192.0.2.1"), 2);
});

Deno.test("ipSocketAddress() writes struct sockaddr_in6, with the scope of a zone", () => {
  const bytes = ipSocketAddress("fe80::1:2%7", 80);
  assertEquals([...bytes], [
    ...[10, 0, 0, 80, 0, 0, 0, 0],
    ...[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2],
    ...[7, 0, 0, 0],
  ]);
  assertEquals(socketScopeOf(bytes), 7);
  assertEquals(socketScopeOf(ipSocketAddress("fe80::1%eth9", 80, () => 0x1_02)), 0x102);
  assertEquals(familyOf("::1"), 10);
});

Deno.test("ipSocketAddress() refuses what is no address, or no zone", () => {
  assertThrows(() => ipSocketAddress("localhost", 80), TypeError, "localhost");
  assertThrows(() => ipSocketAddress("fe80::1%gone", 80), TypeError, "gone");
});

Deno.test("networkAddress() reads what was written", () => {
  for (const ip of ["127.0.0.1", "255.1.2.3", "::1", "2001:db8::5", "::ffff:10.0.0.1"]) {
    const bytes = ipSocketAddress(ip, 65_535);
    assertEquals([ipOf(bytes), socketPortOf(bytes)], [ip, 65_535]);
    const room = new Uint8Array(128);
    room.set(bytes);
    assertEquals(networkAddress(room, bytes.length, "tcp"), {
      transport: "tcp",
      hostname: ip,
      port: 65_535,
    });
  }
});

Deno.test("unixSocketAddress() ends a path with a NUL, and an abstract name with nothing", () => {
  assertEquals([...unixSocketAddress("/é")], [1, 0, 0x2f, 0xc3, 0xa9, 0]);
  assertEquals([...unixSocketAddress("\0a\0")], [1, 0, 0, 0x61, 0]);
  for (const path of ["/tmp/é", "\0a\0b"]) {
    const bytes = unixSocketAddress(path);
    const room = new Uint8Array(128).fill(7);
    room.set(bytes);
    assertEquals(networkAddress(room, bytes.length, "tcp"), { transport: "unix", path });
  }
});

Deno.test("networkAddress() says of a local socket that was never bound what Deno says", () => {
  const { path } = networkAddress(new Uint8Array([1, 0, 9]), 2, "tcp") as { path: string };
  assertEquals(path as string | null, null);
});
