import { assertEquals, assertStrictEquals } from "@std/assert";
import type { PacketEnd } from "../../src/debug/packet.ts";
import type { PacketLog } from "../../src/debug/packet_log.ts";
import { PacketTap } from "../../src/debug/packet_tap.ts";
import { OtherEnd, StreamLog } from "../../src/debug/stream_packets.ts";
import type { TrafficEnds } from "../../src/debug/tap.ts";
import { bytesOf } from "../support/text.ts";

function notedPackets(isWanted: (ends: TrafficEnds) => boolean = () => true) {
  const notes: string[] = [];
  const written = ({ ip, port }: PacketEnd) => `${ip.join(".")}:${port}`;
  const add = (from: PacketEnd, to: PacketEnd, _segment: unknown, _: unknown, comment?: string) =>
    void notes.push([written(from), written(to), comment ?? ""].join(" ").trim());
  return { notes, tap: new PacketTap({ add } as unknown as PacketLog, isWanted) };
}

const tcp: TrafficEnds = {
  protocol: "tcp",
  localAddress: "192.0.2.1",
  localPort: 80,
  remoteAddress: "192.0.2.2",
  remotePort: 5_000,
};
const back: TrafficEnds = {
  protocol: "tcp",
  localAddress: "192.0.2.2",
  localPort: 5_000,
  remoteAddress: "192.0.2.1",
  remotePort: 80,
};

Deno.test("PacketTap tells of a stream once where this program has both its ends", () => {
  const { notes, tap } = notedPackets();
  const one = tap.stream({ ends: tcp, isAccepted: true });
  const other = tap.stream({ ends: back, isAccepted: false })!;
  assertEquals([one instanceof StreamLog, other instanceof OtherEnd], [true, true]);
  assertEquals(notes.length, 3);
  other.freed();
  // The same ports once more, later.
  assertEquals(tap.stream({ ends: back, isAccepted: false }) instanceof StreamLog, true);
});

Deno.test("PacketTap knows an end whose other one was freed before it came", () => {
  const { tap } = notedPackets();
  tap.stream({ ends: back, isAccepted: false })!.freed();
  assertEquals(tap.stream({ ends: tcp, isAccepted: true }) instanceof OtherEnd, true);
});

Deno.test("PacketTap remembers the last thousand ends that were freed, and no more", () => {
  const { tap } = notedPackets();
  for (let port = 5_000; port <= 6_024; port++) {
    tap.stream({ ends: { ...back, localPort: port }, isAccepted: false })!.freed();
  }
  const other = (remotePort: number) =>
    tap.stream({ ends: { ...tcp, remotePort }, isAccepted: true }) instanceof OtherEnd;
  assertEquals([other(5_000), other(5_001)], [false, true]);
});

Deno.test("PacketTap makes up addresses for local sockets, and says which", () => {
  const { notes, tap } = notedPackets();
  const local = { protocol: "unix", localPort: 0, remotePort: 0 } as const;
  const accepted = { ...local, localAddress: "/run/a", remoteAddress: "" };
  tap.stream({ ends: accepted, isAccepted: true });
  tap.stream({ ends: { ...local, localAddress: "", remoteAddress: "\0b" }, isAccepted: false });
  tap.stream({ ends: accepted, isAccepted: true });
  assertEquals(notes.filter((_, i) => i % 3 === 0), [
    "127.85.0.1:49153 127.85.1.0:1 Local socket /run/a",
    "127.85.0.1:49154 127.85.1.1:1 Local socket @b",
    "127.85.0.1:49155 127.85.1.0:1 Local socket /run/a",
  ]);
});

Deno.test("PacketTap gives a datagram the address that its socket has", () => {
  const { notes, tap } = notedPackets();
  const bind = (hostname: string, port: number) =>
    tap.datagrams({ transport: "udp", hostname, port });
  const content = bytesOf("a");
  bind("127.0.0.1", 1).sent(content, "127.0.0.1", 9);
  bind("0.0.0.0", 2).received(content, "127.0.0.1", 9);
  bind("0.0.0.0", 3).sent(content, "192.0.2.9", 9);
  bind("::", 4).received(content, "::ffff:192.0.2.9", 9);
  bind("127.0.0.1", 5).sent(content, "name.invalid", 9);
  bind("127.0.0.1", 6).sent(new Uint8Array(65_508), "127.0.0.1", 9);
  assertEquals(notes, [
    "127.0.0.1:1 127.0.0.1:9",
    "127.0.0.1:9 127.0.0.1:2",
    "0.0.0.0:3 192.0.2.9:9",
    "192.0.2.9:9 0.0.0.0:4",
    "127.0.0.1:5 127.85.1.0:9 Not looked up: name.invalid",
  ]);
});

Deno.test("PacketTap tells of a datagram between two of its sockets once", () => {
  const { notes, tap } = notedPackets();
  const one = tap.datagrams({ transport: "udp", hostname: "0.0.0.0", port: 1 });
  const other = tap.datagrams({ transport: "udp", hostname: "127.0.0.1", port: 2 });
  one.sent(bytesOf("a"), "127.0.0.1", 2);
  other.received(bytesOf("a"), "127.0.0.1", 1);
  assertEquals(notes.length, 1);
  one.freed();
  other.received(bytesOf("b"), "127.0.0.1", 1);
  assertEquals(notes.length, 2);
});

Deno.test("PacketTap leaves out what is not wanted", () => {
  const asked: TrafficEnds[] = [];
  const { notes, tap } = notedPackets((ends) => {
    asked.push(ends);
    return false;
  });
  assertStrictEquals(tap.stream({ ends: tcp, isAccepted: true }), undefined);
  const socket = tap.datagrams({ transport: "udp", hostname: "127.0.0.1", port: 1 });
  socket.sent(bytesOf("a"), "127.0.0.1", 2);
  assertEquals([notes.length, asked.length, asked[1]!.remotePort], [0, 2, 2]);
});
