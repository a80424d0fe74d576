import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { isIPv4, isIPv6 } from "node:net";
import {
  canonicalIp,
  familyReachedFrom,
  formatIpAddress,
  ipAddressFromBytes,
  ipAddressToBytes,
  ipVersion,
  isLoopback,
  isLooseIpv4,
  isMulticast,
  isUnspecified,
  mapped,
  mappedIp,
  needsZone,
  parseIpAddress,
  unmapped,
  unmappedIp,
  wantsMappedIps,
  withoutZone,
} from "../../src/base/ip_address.ts";

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
    "127.0.0.01",
    "00.0.0.0",
    "010.1.1.1",
  ];
  for (const host of names) assertEquals(ipVersion(host), 0, host);
});

Deno.test("ipVersion() is that of inet_pton", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(..."0012589."), { maxLength: 16 }), (characters) => {
      const text = characters.join("");
      assertEquals(ipVersion(text) === 4, isIPv4(text), text);
    }),
    { seed: 5, numRuns: 20_000 },
  );
});

Deno.test("isLooseIpv4() knows what the system's resolver makes an address of", () => {
  for (
    const name of ["127.1", "1", "127.0.0.01", "0x7f.1", "a.0X7F", "2130706433", "1.2.3.4.", "a.1"]
  ) {
    assertEquals(isLooseIpv4(name), true, name);
  }
  for (const name of ["localhost", "a1", "1a.example", "1.example", "x0x1", "0xg", "1.a."]) {
    assertEquals(isLooseIpv4(name), false, name);
  }
});

Deno.test("canonicalIp() gives one spelling to one address", () => {
  for (
    const [text, canonical] of [
      ["127.0.0.1", "127.0.0.1"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["2001:DB8:0:0:1::", "2001:db8:0:0:1::"],
      ["2001:db8::1:0:0:0", "2001:db8:0:0:1::"],
      ["fe80:0::1%eth0", "fe80::1%eth0"],
      ["::ffff:127.0.0.1", "127.0.0.1"],
      ["::FFFF:7f00:1", "127.0.0.1"],
      ["0:0:0:0:0:ffff:e000:1", "224.0.0.1"],
      ["::", "::"],
      ["1:2", undefined],
      ["127.0.0.01", undefined],
      ["::ffff:127.0.0.01", undefined],
      ["::ffff:127.0.0.1%eth0", undefined],
      ["fe80::1%", undefined],
      ["fe80::1%a/b", undefined],
      ["localhost", undefined],
    ] as const
  ) assertEquals(canonicalIp(text), canonical, text);
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const canonical = canonicalIp(text)!;
      assertEquals(canonicalIp(canonical), canonical);
      assertEquals(unmapped(parseIpAddress(canonical)!), unmapped(parseIpAddress(text)!));
    }),
    { seed: 6, numRuns: 2_000 },
  );
});

Deno.test("unmappedIp() and mappedIp() undo each other as text", () => {
  for (const [text, mapped] of [["192.0.2.1", "::ffff:192.0.2.1"], ["::1", "::1"]] as const) {
    assertEquals([mappedIp(text), unmappedIp(mapped), unmappedIp(text)], [mapped, text, text]);
  }
  assertEquals(mappedIp("localhost"), "localhost");
  assertEquals(unmappedIp("::ffff:0:1"), "::ffff:0:1");
});

Deno.test("wantsMappedIps() is for sockets of both families elsewhere than on Linux", () => {
  assertEquals([wantsMappedIps("::", "linux"), wantsMappedIps("::", "darwin")], [false, true]);
  assertEquals(wantsMappedIps("0.0.0.0", "windows"), false);
});

Deno.test("needsZone() knows link-local addresses that have none", () => {
  const hosts = [
    "fe80::1",
    "febf:1::1",
    "fe80::1%2",
    "fe8::1",
    "fec0::1",
    "::fe80:1",
    "169.254.0.1",
  ];
  assertEquals(hosts.map(needsZone), [true, true, false, false, false, false, false]);
});

Deno.test("isLoopback() knows by which addresses a machine talks to itself", () => {
  const hosts = ["127.0.0.1", "127.255.0.9", "::1", "128.0.0.1", "::2", "127.example"];
  assertEquals(hosts.map(isLoopback), [true, true, true, false, false, false]);
});

Deno.test("isUnspecified() knows the addresses that stand for all", () => {
  assertEquals(["0.0.0.0", "::", "::1", "127.0.0.1"].map(isUnspecified), [
    true,
    true,
    false,
    false,
  ]);
});

Deno.test("withoutZone() takes off a zone", () => {
  assertEquals([withoutZone("fe80::1%eth0"), withoutZone("fe80::1")], ["fe80::1", "fe80::1"]);
});

Deno.test("familyReachedFrom() is both from :: alone", () => {
  const hosts = ["::", "::1", "0.0.0.0", "127.0.0.1"];
  assertEquals(hosts.map(familyReachedFrom), [0, 6, 4, 4]);
});

Deno.test("isMulticast() knows the groups", () => {
  for (const host of ["224.0.0.0", "239.255.255.255", "ff02::fb", "ff01::1"]) {
    assertEquals(isMulticast(host), true, host);
  }
  for (const host of ["223.255.255.255", "240.0.0.0", "10.0.0.1", "fe80::1", "::1", "ff::1"]) {
    assertEquals(isMulticast(host), false, host);
  }
});

Deno.test("parseIpAddress() reads dotted decimal and every form of RFC 4291", () => {
  assertEquals(parseIpAddress("0.0.0.0"), { bits: 32, value: 0n });
  assertEquals(parseIpAddress("192.0.2.1"), { bits: 32, value: 0xc0000201n });
  assertEquals(parseIpAddress("255.255.255.255"), { bits: 32, value: 0xffffffffn });
  assertEquals(parseIpAddress("::"), { bits: 128, value: 0n });
  assertEquals(parseIpAddress("::1"), { bits: 128, value: 1n });
  assertEquals(parseIpAddress("1::"), { bits: 128, value: 1n << 112n });
  assertEquals(parseIpAddress("2001:DB8::8:800:200C:417A"), {
    bits: 128,
    value: 0x20010db8000000000008_0800200c417an,
  });
  assertEquals(parseIpAddress("1:2:3:4:5:6:7:8"), {
    bits: 128,
    value: 0x00010002000300040005000600070008n,
  });
  assertEquals(parseIpAddress("1:2:3:4:5:6:7::"), {
    bits: 128,
    value: 0x00010002000300040005000600070000n,
  });
  assertEquals(parseIpAddress("::ffff:192.0.2.1"), { bits: 128, value: 0xffffc0000201n });
  assertEquals(parseIpAddress("1:2:3:4:5:6:192.0.2.1")?.bits, 128);
});

Deno.test("parseIpAddress() refuses everything else", () => {
  const wrong = [
    ..."|.|1|1.2.3|1.2.3.4.5|1.2.3.4.|.1.2.3.4|1..3.4|01.2.3.4|1.2.3.256|1.2.3.-4|+1.2.3.4|1.2.3.0x4"
      .split("|"),
    ...":|:::|1:|:1|1:2|1::2::3|:::1|1:::2|12345::|g::|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7|::1:2:3:4:5:6:7:8"
      .split("|"),
    ..."1.2.3.4::|::1.2.3.4:5|::1.2.3|::1.2.3.256|1:2:3:4:5:6:7:1.2.3.4|fe80::1%eth0|[::1]|::1/64| ::1|::1 "
      .split("|"),
    "1.2.3.4 ",
    "1.2.3.4\n",
    "localhost",
    "١.٢.٣.٤",
  ];
  for (const text of wrong) assertEquals(parseIpAddress(text), undefined, JSON.stringify(text));
});

Deno.test("parseIpAddress() takes for an address what the system takes for one, but for zones", () => {
  const characters = fc.constantFrom(..."0123456789abcfF:.".split(""), "::", "ffff", "255", ":1");
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 24 }), (parts) => {
      const text = parts.join("");
      const bits = isIPv4(text) ? 32 : isIPv6(text) ? 128 : undefined;
      assertEquals(parseIpAddress(text)?.bits, bits, text);
    }),
    { seed: 1, numRuns: 20_000 },
  );
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      assertEquals(parseIpAddress(text)?.bits, isIPv4(text) ? 32 : 128, text);
    }),
    { seed: 2, numRuns: 2_000 },
  );
});

Deno.test("formatIpAddress() writes the canonical form of RFC 5952", () => {
  const canonical: Record<string, string> = {
    "192.0.2.1": "192.0.2.1",
    "2001:0DB8::0001": "2001:db8::1",
    "2001:db8:0:0:0:0:2:1": "2001:db8::2:1",
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
    "2001:0:0:1:0:0:0:1": "2001:0:0:1::1",
    "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1",
    "0:0:0:0:0:0:0:0": "::",
    "1:0:0:0:0:0:0:0": "1::",
    "::ffff:c000:201": "::ffff:192.0.2.1",
  };
  for (const [text, expected] of Object.entries(canonical)) {
    assertEquals(formatIpAddress(parseIpAddress(text)!), expected);
  }
});

Deno.test("formatIpAddress() is read back as the same address, and so are its bytes", () => {
  // Few different groups, so that runs of zeros are common.
  const groups = fc.array(fc.constantFrom(0, 0, 0, 1, 0xff, 0xffff), {
    minLength: 8,
    maxLength: 8,
  });
  fc.assert(
    fc.property(groups, (numbers) => {
      const long = numbers.map((group) => group.toString(16)).join(":");
      const address = parseIpAddress(long)!;
      const short = formatIpAddress(address);
      assertEquals(parseIpAddress(short), address);
      assertEquals(ipAddressFromBytes(ipAddressToBytes(address)), address);
      // URLs write the canonical form, but a mapped address with hexadecimal groups.
      if (!short.includes(".")) assertEquals(`[${short}]`, new URL(`http://[${long}]`).hostname);
    }),
    { seed: 3, numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      const address = ipAddressFromBytes(bytes);
      assertEquals(formatIpAddress(address), bytes.join("."));
      assertEquals([...ipAddressToBytes(address)], [...bytes]);
    }),
    { seed: 4 },
  );
});

Deno.test("mapped() and unmapped() undo each other and leave other addresses alone", () => {
  const ipv4 = parseIpAddress("192.0.2.1")!;
  assertEquals(formatIpAddress(mapped(ipv4)), "::ffff:192.0.2.1");
  assertEquals(unmapped(mapped(ipv4)), ipv4);
  assertEquals(unmapped(ipv4), ipv4);
  // IPv4-compatible (::192.0.2.1) is something else.
  for (const text of ["::c000:201", "2001:db8::1", "::fffe:c000:201", "1::ffff:c000:201"]) {
    const address = parseIpAddress(text)!;
    assertEquals(unmapped(address), address);
    assertEquals(mapped(address), address);
  }
  assertMatch(formatIpAddress(parseIpAddress("::c000:201")!), /^::c000:201$/);
});
