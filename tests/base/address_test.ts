import { assertEquals, assertThrows } from "@std/assert";
import {
  checkHost,
  checkPath,
  checkPort,
  endOf,
  formatAddress,
  formatPath,
  hostOf,
  isAbstract,
  portOf,
} from "../../src/base/address.ts";

Deno.test("hostOf() tells an IPv4 address as IPv4, whatever socket has seen it", () => {
  const seen = (hostname: string) => hostOf({ transport: "tcp", hostname, port: 1 });
  assertEquals(seen("::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals([seen("2001:db8::1"), seen("192.0.2.1")], ["2001:db8::1", "192.0.2.1"]);
});

Deno.test("checkHost() takes names and addresses", () => {
  for (
    const host of [
      "localhost",
      "127.0.0.1",
      "a-b_c.example.org",
      "::1",
      "fe80::1%eth0",
      "bücher.example",
      "1.example",
      "node-1",
    ]
  ) assertEquals(checkHost("host", host), host);
});

Deno.test("checkHost() gives an address in its one spelling", () => {
  for (
    const [host, canonical] of [
      ["[::1]", "::1"],
      ["[FE80::0:1%eth0]", "fe80::1%eth0"],
      ["::ffff:127.0.0.1", "127.0.0.1"],
      ["[::ffff:7f00:1]", "127.0.0.1"],
      ["2001:DB8:0::1", "2001:db8::1"],
    ] as const
  ) assertEquals(checkHost("host", host), canonical);
});

Deno.test("checkHost() refuses what each system reads as another IPv4 address", () => {
  for (
    const host of [
      "127.0.0.01",
      "010.0.0.1",
      "127.1",
      "2130706433",
      "0x7f.1",
      "256.1.1.1",
      "1.2.3.4.",
    ]
  ) {
    assertThrows(
      () => checkHost("host", host),
      TypeError,
      `host must be a host name or an IP address: got "${host}"; an IPv4 address is four numbers`,
    );
  }
  assertThrows(() => checkHost("host", "::ffff:127.0.0.01"), TypeError, "host must be");
});

Deno.test("checkHost() refuses what is part of a URL, empty, too long or not text", () => {
  for (
    const host of [
      "",
      " ",
      "a b",
      "http://x",
      "x/y",
      "x:80",
      "user@x",
      "[::1",
      "::1]",
      "a\0b",
      "a..b",
      ".a",
      "~",
      ".",
      "x".repeat(256),
    ]
  ) {
    assertThrows(
      () => checkHost("host", host),
      TypeError,
      "host must be a host name or an IP address",
    );
  }
  for (const host of [undefined, null, 127, {}]) {
    assertThrows(() => checkHost("interface", host), TypeError, "interface must be a string");
  }
});

Deno.test("checkPort() takes 16 bits, and 0 where the system may choose", () => {
  assertEquals(checkPort("port", 65_535, 1), 65_535);
  assertEquals(checkPort("port", 0, 0), 0);
  assertThrows(() => checkPort("port", 0, 1), RangeError, "from 1 to 65535: got 0");
  for (const port of [-1, 65_536, 70_000, 1.5]) {
    assertThrows(() => checkPort("port", port, 0), RangeError, `${port}`);
  }
  for (const port of ["8080", NaN, null, undefined]) {
    assertThrows(() => checkPort("port", port, 0), TypeError, "port must be a number");
  }
});

Deno.test("formatAddress() puts brackets around IPv6", () => {
  assertEquals(formatAddress("127.0.0.1", 80), "127.0.0.1:80");
  assertEquals(formatAddress("::1", 80), "[::1]:80");
});

Deno.test("hostOf() and portOf() have an answer for every kind of address", () => {
  assertEquals(hostOf({ transport: "tcp", hostname: "::1", port: 5 }), "::1");
  assertEquals(portOf({ transport: "tcp", hostname: "::1", port: 5 }), 5);
  assertEquals(hostOf({ transport: "unix", path: "/run/x" }), "/run/x");
  assertEquals(portOf({ transport: "unix", path: "/run/x" }), 0);
  assertEquals(hostOf({ transport: "vsock", cid: 3, port: 9 }), "3");
});

Deno.test("checkPath() takes what the system has room for", () => {
  const longest = Deno.build.os === "linux" ? 107 : 103;
  const good = [
    "a",
    "/tmp/socket",
    "x".repeat(longest),
    "é".repeat(51),
    "\0name",
    "\0a\0b",
    "\0a\0",
  ];
  for (const path of [...good, "\0\0", "\0" + "x".repeat(107)]) {
    assertEquals(checkPath("path", path), path);
  }
  const bad = [undefined, 1, "", "a\0b", "a\0", "\0", "x".repeat(longest + 1), "é".repeat(54)];
  for (const path of [...bad, "\0" + "x".repeat(108), "\0" + "é".repeat(54)]) {
    assertThrows(() => checkPath("path", path), TypeError, "path must be");
  }
  assertEquals(["/a", "\0a"].map(isAbstract), [false, true]);
  assertEquals(["/a", "\0a", "\0a\0b"].map(formatPath), ["/a", "@a", "@a@b"]);
});

Deno.test("endOf() gives an address, and nothing where it was forgotten", () => {
  const localAddr = { transport: "tcp", hostname: "::1", port: 5 } as const;
  const ends = {
    localAddr,
    get remoteAddr(): typeof localAddr {
      throw new Error("mine");
    },
  };
  assertEquals([endOf(ends, "localAddr"), endOf(ends, "remoteAddr")], [localAddr, undefined]);
});
