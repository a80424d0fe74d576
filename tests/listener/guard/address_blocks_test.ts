import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  AddressBlocks,
  blockName,
  lacksIpAddress,
} from "../../../src/listener/guard/address_blocks.ts";
import { formatIpAddress, ipAddressFromBytes } from "../../../src/base/ip_address.ts";
import type { NetworkAddress } from "../../../src/base/address.ts";
import { tcp } from "../../support/tcp.ts";

function has(blocks: string[], hostname: string): boolean {
  return new AddressBlocks(blocks, "allow").has(tcp(hostname));
}

Deno.test("AddressBlocks.has() finds addresses at both ends of a block and none beside it", () => {
  assertEquals(has(["10.0.0.0/8"], "10.0.0.0"), true);
  assertEquals(has(["10.0.0.0/8"], "10.255.255.255"), true);
  assertEquals(has(["10.0.0.0/8"], "9.255.255.255"), false);
  assertEquals(has(["10.0.0.0/8"], "11.0.0.0"), false);
  assertEquals(has(["192.0.2.1"], "192.0.2.1"), true);
  assertEquals(has(["192.0.2.1"], "192.0.2.2"), false);
  assertEquals(has(["192.0.2.1/32"], "192.0.2.1"), true);
  assertEquals(has(["0.0.0.0/0"], "255.255.255.255"), true);
  assertEquals(has(["2001:db8::/32"], "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), true);
  assertEquals(has(["2001:db8::/32"], "2001:db9::"), false);
  assertEquals(has(["2001:db8::1"], "2001:DB8:0:0:0:0:0:1"), true);
  assertEquals(has(["::/0"], "2001:db8::1"), true);
  assertEquals(has([], "10.0.0.1"), false);
  assertEquals(has(["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"], "192.0.2.9"), true);
});

Deno.test("AddressBlocks.has() takes mapped addresses for the IPv4 addresses they are", () => {
  assertEquals(has(["10.0.0.0/8"], "::ffff:10.1.2.3"), true);
  assertEquals(has(["10.0.0.0/8"], "::ffff:a01:203"), true);
  assertEquals(has(["::ffff:10.0.0.0/104"], "10.1.2.3"), true);
  assertEquals(has(["::ffff:0:0/96"], "10.1.2.3"), true);
  assertEquals(has(["::ffff:10.0.0.1"], "10.0.0.1"), true);
  // The address is in neither list: 0.0.0.0/0 is no IPv6 block, ::/0 no IPv4 block.
  assertEquals(has(["0.0.0.0/0"], "2001:db8::1"), false);
  assertEquals(has(["::/0"], "10.1.2.3"), false);
  assertEquals(has(["::/0"], "::ffff:10.1.2.3"), false);
});

Deno.test("AddressBlocks.has() finds no host name, and Unix sockets only as unix:", () => {
  const unix: NetworkAddress = { transport: "unix", path: "/run/a.sock" };
  const everybody = new AddressBlocks(["0.0.0.0/0", "::/0"], "allow");
  assertEquals(everybody.has(tcp("server-a")), false);
  assertEquals(everybody.has(tcp("")), false);
  assertEquals(everybody.has(unix), false);
  assertEquals(new AddressBlocks(["unix:"], "allow").has(unix), true);
  assertEquals(new AddressBlocks(["unix:"], "allow").has(tcp("127.0.0.1")), false);
});

Deno.test("AddressBlocks names what is wrong with a list", () => {
  const range = [
    ["", 'deny must have IP addresses and CIDR blocks: got ""'],
    ["10.0.0.0/", "deny must have prefix lengths from 0 to 32"],
    ["10.0.0.0/33", 'deny must have prefix lengths from 0 to 32: got "10.0.0.0/33"'],
    ["10.0.0.0/08", "deny must have prefix lengths"],
    ["10.0.0.0/-1", "deny must have prefix lengths"],
    ["10.0.0.0/8/8", "deny must have prefix lengths"],
    ["2001:db8::/129", "from 0 to 128"],
    ["10.0.0.1/8", 'write "10.0.0.0/8" or "10.0.0.1": got "10.0.0.1/8"'],
    ["2001:db8::1/32", 'write "2001:db8::/32" or "2001:db8::1"'],
    ["localhost", 'got "localhost"'],
    ["10.0.0", 'got "10.0.0"'],
    ["010.0.0.1", 'got "010.0.0.1"'],
    ["fe80::1%eth0", "CIDR blocks"],
    ["/8", "CIDR blocks"],
  ] as const;
  for (const [block, message] of range) {
    assertThrows(() => new AddressBlocks([block], "deny"), RangeError, message);
  }
  const wrong: unknown[] = ["10.0.0.0/8", undefined, null, 10, {}, new Set(["::1"])];
  for (const blocks of wrong) {
    assertThrows(() => new AddressBlocks(blocks as string[], "deny"), TypeError, "an array");
  }
  for (const block of [undefined, null, 10, {}]) {
    const blocks = ["::1", block] as string[];
    assertThrows(() => new AddressBlocks(blocks, "deny"), TypeError, "strings only");
  }
});

Deno.test("AddressBlocks.has() agrees with comparing bit by bit", () => {
  // Addresses that share long prefixes, so that blocks match often.
  const bytes = fc.array(fc.constantFrom(0, 0, 1, 0x80, 0xff), { minLength: 4, maxLength: 4 });
  const block = fc.tuple(bytes, fc.integer({ min: 0, max: 32 }));
  const wide = (four: number[], family: 4 | 16) =>
    Uint8Array.from(family === 4 ? four : four.flatMap((byte) => [byte, 0, 0, byte]));
  const bitsOf = (array: Uint8Array) =>
    [...array].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const show = (array: Uint8Array) => formatIpAddress(ipAddressFromBytes(array));
  fc.assert(
    fc.property(
      fc.array(block, { maxLength: 6 }),
      bytes,
      fc.constantFrom(4 as const, 16 as const),
      (list, address, family) => {
        const bits = family * 8;
        const prefixes = list.map(([four, length]) =>
          bitsOf(wide(four, family)).slice(0, length * bits / 32)
        );
        const blocks = prefixes.map((prefix) => {
          const padded = prefix.padEnd(bits, "0").match(/.{8}/g)!;
          return `${show(Uint8Array.from(padded, (text) => parseInt(text, 2)))}/${prefix.length}`;
        });
        const peer = wide(address, family);
        const expected = prefixes.some((prefix) => bitsOf(peer).startsWith(prefix));
        assertEquals(has(blocks, show(peer)), expected, `${blocks} ${show(peer)}`);
      },
    ),
    { seed: 5, numRuns: 3_000 },
  );
});

Deno.test("AddressBlocks.has() and blockName() leave the zone of an address out", () => {
  const blocks = new AddressBlocks(["fe80::/10"], "deny");
  assertEquals([blocks.has(tcp("fe80::1%eth0")), blocks.has(tcp("fec0::1%eth0"))], [true, false]);
  assertEquals(blockName(tcp("fe80::1%eth0"), 64), "fe80::");
});

Deno.test("lacksIpAddress() says so of peers that should have one, not of local ones", () => {
  const peers = ["", "localhost", "192.0.2.300", "192.0.2.1", "::ffff:192.0.2.1", "fe80::1%2"];
  const expected = [true, true, true, false, false, false];
  assertEquals(peers.map((hostname) => lacksIpAddress(tcp(hostname))), expected);
  assertEquals(lacksIpAddress({ transport: "unix", path: "" }), false);
  assertEquals(lacksIpAddress({ transport: "vsock", cid: 3, port: 7 }), false);
});

Deno.test("blockName() counts an IPv6 client with its block and an IPv4 client alone", () => {
  assertEquals(blockName(tcp("192.0.2.1"), 64), "192.0.2.1");
  assertEquals(blockName(tcp("::ffff:192.0.2.1"), 64), "192.0.2.1");
  assertEquals(blockName(tcp("2001:db8:1:2:3:4:5:6"), 64), "2001:db8:1:2::");
  assertEquals(blockName(tcp("2001:db8:1:2:3:4:5:6"), 128), "2001:db8:1:2:3:4:5:6");
  assertEquals(blockName(tcp("ffff:db8:1:2:3:4:5:6"), 1), "8000::");
  assertEquals(blockName(tcp("server-a"), 64), "server-a");
  assertEquals(blockName({ transport: "unix", path: "/run/a.sock" }, 64), undefined);
});
