// Arbitrary PROXY protocol headers, and ways to cut them.

import fc from "fast-check";
import type { ProxyHeaderConfig } from "../../src/guard/proxy_header.ts";
import type { NetworkAddress } from "../../src/network.ts";
import { ByteQueue } from "../../src/byte_queue.ts";

const port = fc.integer({ min: 0, max: 65535 });

function ipPair(transport: "tcp" | "udp"): fc.Arbitrary<[NetworkAddress, NetworkAddress]> {
  const of = (hostname: fc.Arbitrary<string>): fc.Arbitrary<NetworkAddress> =>
    fc.record({ transport: fc.constant(transport), hostname, port });
  const ipv6 = fc.oneof(fc.ipV6(), fc.constantFrom("::", "::1", "::ffff:192.0.2.1", "2001:db8::"));
  return fc.oneof(
    fc.tuple(of(fc.ipV4()), of(fc.ipV4())),
    fc.tuple(of(ipv6), of(ipv6)),
    fc.tuple(of(fc.ipV4()), of(ipv6)),
  );
}

const path = fc.string({ unit: "grapheme", maxLength: 20 })
  .filter((text) => !text.includes("\0") && new TextEncoder().encode(text).length <= 107)
  .chain((text) => fc.constantFrom(text, text === "" ? "" : `\0${text}`));

const unixPair = fc.constantFrom("unix" as const, "unixpacket" as const).chain((transport) => {
  const address = fc.record({ transport: fc.constant(transport), path });
  return fc.tuple(address, address);
});

const tlv = fc.record({
  type: fc.integer({ min: 0, max: 255 }).filter((type) => ![0x03, 0x04, 0x20].includes(type)),
  value: fc.uint8Array({ maxLength: 60 }),
});

/** Version 1 headers. */
export const v1Configs: fc.Arbitrary<ProxyHeaderConfig> = fc.option(ipPair("tcp")).map((pair) => ({
  version: 1,
  ...(pair === null ? {} : { source: pair[0], destination: pair[1] }),
}));

/** Version 2 headers. */
export const v2Configs: fc.Arbitrary<ProxyHeaderConfig> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ command: "local" } as const) },
  {
    weight: 12,
    arbitrary: fc.record({
      pair: fc.option(fc.oneof(ipPair("tcp"), ipPair("udp"), unixPair)),
      tlvs: fc.array(tlv, { maxLength: 4 }),
      checksum: fc.boolean(),
    }).map(({ pair, tlvs, checksum }) => ({
      tlvs,
      checksum,
      ...(pair === null ? {} : { source: pair[0]!, destination: pair[1]! }),
    })),
  },
);

/** Puts pieces of the bytes in a queue, one after the other; `sizes` repeats. */
export function* piecewise(
  bytes: Uint8Array<ArrayBuffer>,
  sizes: readonly number[],
): Generator<ByteQueue> {
  const queue = new ByteQueue();
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    queue.push(bytes.slice(at, at + size));
    at += size;
    yield queue;
  }
}
