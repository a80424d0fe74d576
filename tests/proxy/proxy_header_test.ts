import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { inOneFamily, ProxyHeader, type ProxyHeaderConfig } from "../../src/proxy/proxy_header.ts";
import { PROXY_TLV } from "../../src/proxy/proxy_tlv.ts";
import type { NetworkAddress } from "../../src/base/address.ts";
import { tcp } from "../support/tcp.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("ProxyHeader brings addresses in canonical form, and leaves each its family", () => {
  const header = new ProxyHeader({ source: tcp("2001:DB8:0::1"), destination: tcp("192.0.2.1") });
  assertEquals(header.version, 2);
  assertEquals(header.command, "proxy");
  assertEquals(header.source, tcp("2001:db8::1"));
  assertEquals(header.destination, tcp("192.0.2.1"));
});

Deno.test("inOneFamily() maps the one address that is IPv4, for those who write a header", () => {
  const [four, six] = [tcp("192.0.2.1", 1), tcp("2001:db8::1", 2)];
  const unix: NetworkAddress = { transport: "unix", path: "/a" };
  const both = (source: NetworkAddress, destination: NetworkAddress) =>
    inOneFamily(new ProxyHeader({ source, destination }));
  assertEquals(both(six, four), [six, tcp("::ffff:192.0.2.1", 1)]);
  assertEquals(both(four, six), [tcp("::ffff:192.0.2.1", 1), six]);
  for (const same of [four, six, unix]) assertEquals(both(same, same), [same, same]);
  assertEquals(inOneFamily(new ProxyHeader({})), [undefined, undefined]);
});

Deno.test("ProxyHeader refuses parts that do not go together", () => {
  const [source, destination] = [tcp("192.0.2.1"), tcp("192.0.2.2")];
  const unix: NetworkAddress = { transport: "unix", path: "/a" };
  const vsock: NetworkAddress = { transport: "vsock", cid: 1, port: 1 };
  const udp: NetworkAddress = { transport: "udp", hostname: "192.0.2.1", port: 1 };
  const tlvs = [{ type: 1, value: bytesOf("h2") }];
  const wrong: ProxyHeaderConfig[] = [
    { source },
    { destination },
    { source, destination: unix },
    { source, destination: udp },
    { source: vsock, destination: vsock },
    { command: "local", source, destination },
    { command: "local", tlvs },
    { command: "local", checksum: true },
    { version: 1, command: "local" },
    { version: 1, tlvs },
    { version: 1, checksum: true },
    { version: 1, source: unix, destination: unix },
    { version: 1, source: udp, destination: udp },
    { tlvs: [{ type: 1, value: "h2" as unknown as Uint8Array<ArrayBuffer> }] },
  ];
  for (const config of wrong) {
    assertThrows(() => new ProxyHeader(config), TypeError, "Cannot make a PROXY protocol header");
  }
});

Deno.test("ProxyHeader refuses values out of their range and names them", () => {
  const wrong: [ProxyHeaderConfig, string][] = [
    [{ version: 3 as 2 }, "3"],
    [{ command: "relay" as "proxy" }, "relay"],
    [{ source: tcp("localhost"), destination: tcp("192.0.2.1") }, '"localhost"'],
    [{ source: tcp("192.0.2.1", 65536), destination: tcp("192.0.2.1") }, "65536"],
    [{ source: tcp("192.0.2.1", 1.5), destination: tcp("192.0.2.1") }, "1.5"],
    [{ tlvs: [{ type: 256, value: bytesOf("") }] }, "256"],
    [{ tlvs: [{ type: PROXY_TLV.CRC32C, value: bytesOf("") }] }, '"checksum"'],
    [{ tlvs: [{ type: PROXY_TLV.NOOP, value: bytesOf("") }] }, "padding"],
    [{ tlvs: [{ type: 1, value: new Uint8Array(65_536) }] }, "65536"],
  ];
  for (const path of ["a".repeat(109), "é".repeat(55), "a\0b", "\0", "\0a\0"]) {
    const unix: NetworkAddress = { transport: "unix", path };
    wrong.push([{ source: unix, destination: unix }, "the path"]);
  }
  for (const [config, message] of wrong) {
    assertThrows(() => new ProxyHeader(config), RangeError, message);
  }
});

Deno.test("ProxyHeader tells what the proxy says in words", () => {
  const tls = Uint8Array.of(
    ...[0x07, 0, 0, 0, 0],
    ...[0x21, 0, 7, ...bytesOf("TLSv1.3")],
    ...[0x22, 0, 5, ...bytesOf("alice")],
    ...[0x23, 0, 3, ...bytesOf("AES")],
  );
  const header = new ProxyHeader({
    tlvs: [
      { type: PROXY_TLV.ALPN, value: bytesOf("h2") },
      { type: PROXY_TLV.AUTHORITY, value: bytesOf("exämple.org") },
      { type: PROXY_TLV.AUTHORITY, value: bytesOf("second") },
      { type: PROXY_TLV.UNIQUE_ID, value: Uint8Array.of(1, 2) },
      { type: PROXY_TLV.TLS, value: tls },
    ],
  });
  assertEquals(header.alpnProtocol, "h2");
  assertEquals(header.authority, "exämple.org");
  assertEquals(header.uniqueId, Uint8Array.of(1, 2));
  assertEquals(header.tls?.isSecure, true);
  assertEquals(header.tls?.hasClientCertificate, true);
  assertEquals(header.tls?.isClientVerified, true);
  assertEquals(header.tls?.version, "TLSv1.3");
  assertEquals(header.tls?.commonName, "alice");
  assertEquals(header.tls?.cipher, "AES");
  assertEquals(header.tls?.tlvs.length, 3);

  const bare = new ProxyHeader({});
  assertEquals([bare.alpnProtocol, bare.authority, bare.uniqueId, bare.tls], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("ProxyHeader refuses what is misspelled, and takes another header whole or in part", () => {
  const [source, destination] = [tcp("192.0.2.1"), tcp("192.0.2.2")];
  const refused = (config: object) =>
    assertThrows(() => new ProxyHeader(config as never), TypeError).message;
  assertEquals(refused({ sorce: source }), 'config has no option "sorce": use source');
  assertEquals(refused({ source, destination, tlv: [] }), 'config has no option "tlv": use tlvs');
  assertStringIncludes(refused({ tls: undefined }), 'config has no option "tls"');
  const value = bytesOf("h2");
  const tlv = { type: PROXY_TLV.ALPN, value, valu: value };
  assertEquals(refused({ tlvs: [tlv] }), 'tlvs[0] has no option "valu": use value');
  class Noted extends ProxyHeader {
    readonly note = "mine";
  }
  const header = new Noted({ source, destination, tlvs: [{ type: PROXY_TLV.ALPN, value }] });
  assertEquals(
    new ProxyHeader(header),
    new ProxyHeader({ source, destination, tlvs: header.tlvs }),
  );
  const other = new ProxyHeader({ ...new ProxyHeader(header), checksum: true });
  assertEquals([other.alpnProtocol, other.checksum], ["h2", true]);
});
