import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ProxyHeader, type ProxyHeaderConfig } from "../../src/proxy/proxy_header.ts";
import { checkProxyHeader, sendHeader } from "../../src/proxy/proxy_sender.ts";
import type { NetworkAddress } from "../../src/base/address.ts";
import { broken, scriptedTransport } from "../../testing/mod.ts";
import { parseHeader } from "../support/proxy_headers.ts";
import { tcp } from "../support/tcp.ts";

const ENDS = { localAddr: tcp("192.0.2.1", 7), remoteAddr: tcp("192.0.2.2", 80) };

async function sent(config: ProxyHeaderConfig, ends = ENDS): Promise<ProxyHeader | undefined> {
  using transport = scriptedTransport([], ends);
  await sendHeader(transport, checkProxyHeader(config));
  return parseHeader(transport.written);
}

Deno.test("sendHeader() tells the ends of the stream, or what it is given", async () => {
  const own = { source: ENDS.localAddr, destination: ENDS.remoteAddr };
  assertEquals(await sent({}), new ProxyHeader(own));
  assertEquals(await sent({ version: 1 }), new ProxyHeader({ version: 1, ...own }));
  assertEquals(await sent({ checksum: true }), new ProxyHeader({ ...own, checksum: true }));
  const given = { source: tcp("203.0.113.1", 1), destination: tcp("203.0.113.2", 2) };
  assertEquals(await sent(given), new ProxyHeader(given));
  assertEquals(await sent({ command: "local" }), new ProxyHeader({ command: "local" }));
  // A received header can be passed on as it is.
  const received = new ProxyHeader({ ...given, tlvs: [{ type: 0xe0, value: Uint8Array.of(1) }] });
  assertEquals(await sent(received), received);
});

Deno.test("sendHeader() says that it does not know where the ends have no IP addresses", async () => {
  const unix: NetworkAddress = { transport: "unix", path: "/run/a.sock" };
  assertEquals(await sent({}, { localAddr: unix, remoteAddr: unix }), new ProxyHeader({}));
  const named = { localAddr: tcp("a", 1), remoteAddr: tcp("b", 2) };
  assertEquals(await sent({ version: 1 }, named), new ProxyHeader({ version: 1 }));
});

Deno.test("sendHeader() tells where a tunnel leads to, where it knows", async () => {
  for (
    const [host, destination] of [
      ["203.0.113.9", tcp("203.0.113.9", 443)],
      ["a.example", undefined],
      ["2001:db8::1", undefined],
    ] as const
  ) {
    using transport = scriptedTransport([], ENDS);
    await sendHeader(transport, checkProxyHeader({}), { host, port: 443 });
    const header = parseHeader(transport.written);
    assertEquals([header?.destination, header?.source], [
      destination,
      destination && ENDS.localAddr,
    ]);
  }
});

Deno.test("sendHeader() sends all of it, also to a peer that takes a byte at a time", async () => {
  using transport = scriptedTransport([], { ...ENDS, writes: [1, 1, 1, 2, 3] });
  await sendHeader(transport, checkProxyHeader({}));
  assertEquals(parseHeader(transport.written)?.source, ENDS.localAddr);
  assertEquals(transport.isClosed, false);
});

Deno.test("sendHeader() frees the stream where it cannot", async () => {
  using transport = scriptedTransport([], { ...ENDS, writes: [3, broken()] });
  await assertRejects(
    () => sendHeader(transport, checkProxyHeader({})),
    Deno.errors.BrokenPipe,
  );
  assertEquals(transport.isClosed, true);
});

Deno.test("checkProxyHeader() finds what is wrong before there is a stream", () => {
  checkProxyHeader({});
  assertThrows(() => checkProxyHeader({ version: 3 as 2 }), RangeError, "3");
  assertThrows(() => checkProxyHeader({ version: 1, checksum: true }), TypeError, "version 2");
  const value = new Uint8Array(0xffff);
  assertThrows(() => checkProxyHeader({ tlvs: [{ type: 1, value }] }), RangeError, "65554 bytes");
});
