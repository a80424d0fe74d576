import { assertEquals } from "@std/assert";
import { parseIpAddress } from "../../src/base/ip_address.ts";
import {
  ACK,
  headersLength,
  makePage,
  pairOf,
  PSH,
  type Segment,
  SYN,
  writePacket,
} from "../../src/debug/packet.ts";
import { fileHead, packetBlockLength, writePacketBlock } from "../../src/debug/pcapng.ts";
import { readPackets } from "../support/packets.ts";

const NOTHING = new Uint8Array(0);

/** Writes one packet into memory that was used, and reads it from a file. */
function packetOf(
  [from, to]: readonly [string, string],
  segment: Segment | undefined,
  content: Uint8Array,
  room = 70_000,
) {
  const page = makePage(80_000);
  page.bytes.fill(0xa5);
  const [one, other] = pairOf(parseIpAddress(from)!, parseIpAddress(to)!);
  const length = writePacket(
    page,
    28,
    { ip: one, port: 1_000 },
    { ip: other, port: 65_000 },
    segment,
    content,
    room,
  );
  const kept = Math.min(length, room);
  writePacketBlock(page, 0, 1, kept, length, NOTHING);
  const head = fileHead(65_535);
  const block = page.bytes.subarray(0, packetBlockLength(kept, NOTHING));
  const [packet] = readPackets(new Uint8Array([...head, ...block]));
  return packet!;
}

Deno.test("writePacket() has the right checksums for any content", () => {
  for (const hosts of [["192.0.2.1", "203.0.113.9"], ["2001:db8::1", "fe80::2"]] as const) {
    for (const length of [0, 1, 2, 3, 64, 65, 1_400, 32_767]) {
      for (const fill of [0, 0xff, "mixed"] as const) {
        const content = new Uint8Array(length);
        if (fill === "mixed") content.forEach((_, i) => content[i] = (i * 37 + length) & 255);
        else content.fill(fill);
        for (const segment of [undefined, { seq: 4_294_967_295, ack: 7, flags: ACK | PSH }]) {
          const packet = packetOf(hosts, segment, content);
          assertEquals(packet.isSound, true, `${hosts} ${length} ${fill} ${segment}`);
          assertEquals(packet.payload, content);
        }
      }
    }
  }
});

Deno.test("writePacket() says who, which numbers and which flags", () => {
  const packet = packetOf(
    ["192.0.2.1", "192.0.2.2"],
    { seq: 9, ack: 8, flags: SYN | ACK },
    NOTHING,
  );
  const { from, to, seq, ack, flags, isSound, length } = packet;
  assertEquals([from, to], ["192.0.2.1:1000", "192.0.2.2:65000"]);
  assertEquals([seq, ack, flags, isSound, length], [9, 8, "SA", true, 44]);
});

Deno.test("writePacket() cuts the content, and the checksum is that of all of it", () => {
  const content = Uint8Array.from({ length: 301 }, (_, i) => i & 255);
  const ends = [{ ip: new Uint8Array(4), port: 1 }, { ip: new Uint8Array(4), port: 2 }] as const;
  const sums = [1_000, 96].map((room) => {
    const page = makePage(1_024);
    writePacket(page, 0, ...ends, undefined, content, room);
    return page.view.getUint16(26);
  });
  assertEquals(sums[0], sums[1]);
  const { kept, length, payload } = packetOf(["::1", "::2"], undefined, content, 96);
  assertEquals([kept, length, payload], [96, 349, content.slice(0, 48)]);
});

Deno.test("pairOf() gives both addresses in one family", () => {
  const lengths = (...hosts: [string, string]) =>
    pairOf(parseIpAddress(hosts[0])!, parseIpAddress(hosts[1])!).map((ip) => ip.length);
  assertEquals(lengths("192.0.2.1", "192.0.2.2"), [4, 4]);
  assertEquals(lengths("::ffff:192.0.2.1", "192.0.2.2"), [4, 4]);
  assertEquals(lengths("::1", "192.0.2.2"), [16, 16]);
});

Deno.test("headersLength() is what stands before the content", () => {
  const [four, six] = [4, 16].map((size) => ({ ip: new Uint8Array(size), port: 1 }));
  const segment = { seq: 0, ack: 0, flags: ACK };
  assertEquals(headersLength(four!, undefined), 28);
  assertEquals(headersLength(four!, segment), 40);
  assertEquals(headersLength(six!, undefined), 48);
  assertEquals(headersLength(six!, { ...segment, flags: SYN }), 64);
});

Deno.test("writePacket() never says that a datagram has no checksum", () => {
  const ends = [{ ip: new Uint8Array(4), port: 1 }, { ip: new Uint8Array(4), port: 2 }] as const;
  const page = makePage(64);
  const sums = Array.from({ length: 65_536 }, (_, word) => {
    writePacket(page, 0, ...ends, undefined, Uint8Array.of(word >> 8, word & 255), 64);
    return page.view.getUint16(26);
  });
  assertEquals([sums.includes(0), sums.includes(0xffff)], [false, true]);
});
