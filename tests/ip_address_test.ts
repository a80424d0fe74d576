import { assertEquals, assertThrows } from "@std/assert";
import { canonicalIp, ipVersion, isMulticast } from "../src/ip_address.ts";

Deno.test("ipVersion() tells IP addresses from names", () => {
  for (const host of ["127.0.0.1", "0.0.0.0", "255.255.255.255", "1.2.3.4"]) {
    assertEquals(ipVersion(host), 4, host);
  }
  for (const host of ["::1", "::", "fe80::1%eth0", "::ffff:127.0.0.1"]) {
    assertEquals(ipVersion(host), 6, host);
  }
  const names = [
    "localhost",
    "256.1.1.1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4.",
    "a.1.2.3",
    "999.1.1.1",
  ];
  for (const host of names) assertEquals(ipVersion(host), 0, host);
});

Deno.test("canonicalIp() gives one spelling to one address", () => {
  for (
    const [host, canonical] of [
      ["127.0.0.1", "127.0.0.1"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["2001:DB8:0:0:1::", "2001:db8:0:0:1::"],
      ["2001:db8::1:0:0:0", "2001:db8:0:0:1::"],
      ["fe80::1%eth0", "fe80::1"],
      ["::ffff:127.0.0.1", "127.0.0.1"],
      ["::FFFF:7f00:1", "127.0.0.1"],
      ["::", "::"],
    ] as const
  ) assertEquals(canonicalIp(host), canonical);
  assertThrows(() => canonicalIp("1:2"), TypeError);
});

Deno.test("isMulticast() knows the groups", () => {
  for (const host of ["224.0.0.0", "239.255.255.255", "ff02::fb", "FF01::1"]) {
    assertEquals(isMulticast(host), true, host);
  }
  for (const host of ["223.255.255.255", "240.0.0.0", "10.0.0.1", "fe80::1", "::1"]) {
    assertEquals(isMulticast(host), false, host);
  }
});
