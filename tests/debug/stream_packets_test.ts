import { assertEquals } from "@std/assert";
import type { Segment } from "../../src/debug/packet.ts";
import type { PacketLog } from "../../src/debug/packet_log.ts";
import { OtherEnd, StreamLog } from "../../src/debug/stream_packets.ts";
import { bytesOf } from "../support/text.ts";

const LETTERS = ["F", "S", "R", "P", "A"];

/** A stream whose packets are noted: who, flags, number, acknowledged, length, comment. */
function notedStream(isAccepted = false, first = 100) {
  const notes: string[] = [];
  const [local, remote] = [1, 2].map((port) => ({ ip: new Uint8Array(4), port }));
  const log = {
    add: (
      from: { port: number },
      _to: unknown,
      { flags, seq, ack }: Segment,
      { length }: Uint8Array,
      comment?: string,
    ) => {
      const written = LETTERS.filter((_, bit) => flags & 1 << bit).join("");
      const said = comment === undefined ? "" : ` ${comment}`;
      notes.push(`${from.port} ${written} ${seq} ${ack} ${length}${said}`);
    },
  } as unknown as PacketLog;
  let frees = 0;
  const stream = new StreamLog(
    log,
    { local: local!, remote: remote!, isAccepted, comment: "why", first },
    () => frees++,
  );
  return { notes, stream, frees: () => frees };
}

Deno.test("StreamLog begins with the handshake of whoever has connected", () => {
  assertEquals(notedStream(false).notes, ["1 S 100 0 0 why", "2 SA 100 101 0", "1 A 101 101 0"]);
  assertEquals(notedStream(true).notes, ["2 S 100 0 0 why", "1 SA 100 101 0", "2 A 101 101 0"]);
});

Deno.test("StreamLog numbers each byte and each end", () => {
  const { notes, stream, frees } = notedStream();
  stream.sent(bytesOf("abc"));
  stream.received(bytesOf("de"));
  stream.ended();
  stream.ended();
  stream.sent(bytesOf("too late"));
  stream.received(bytesOf("f"));
  stream.peerEnded();
  stream.cut();
  stream.freed();
  assertEquals(notes.slice(3), [
    "1 PA 101 101 3",
    "2 PA 101 104 2",
    "1 FA 104 103 0",
    "2 PA 103 105 1",
    "2 FA 104 105 0",
    "1 A 105 105 0",
  ]);
  assertEquals(frees(), 1);
});

Deno.test("StreamLog has nothing after a cut", () => {
  for (const isPeer of [false, true]) {
    const { notes, stream } = notedStream();
    if (isPeer) stream.peerCut();
    else stream.cut();
    stream.sent(bytesOf("abc"));
    stream.ended();
    stream.peerEnded();
    stream.peerCut();
    assertEquals(notes.slice(3), [`${isPeer ? 2 : 1} RA 101 101 0`]);
  }
});

Deno.test("StreamLog takes much to pieces, begins again at zero and acknowledges", () => {
  const { notes, stream } = notedStream(false, 2 ** 32 - 40_000);
  stream.sent(new Uint8Array(70_000));
  assertEquals(notes.slice(3), [
    `1 A ${2 ** 32 - 39_999} ${2 ** 32 - 39_999} 32768`,
    `1 A ${2 ** 32 - 7_231} ${2 ** 32 - 39_999} 32768`,
    `1 PA 25537 ${2 ** 32 - 39_999} 4464`,
  ]);
  for (let i = 0; i < 10; i++) stream.sent(new Uint8Array(32_768));
  const acknowledged = notes.filter((note) => note.startsWith("2 A "));
  assertEquals(acknowledged, [`2 A ${2 ** 32 - 39_999} ${30_001 + 6 * 32_768} 0`]);
});

Deno.test("StreamLog says once that TLS is in the network", () => {
  const { notes, stream } = notedStream();
  stream.secured(undefined);
  stream.sent(bytesOf("a"));
  stream.secured({
    protocol: "TLSv1.3",
    alpnProtocol: undefined,
    serverName: "localhost",
    peerCertificate: undefined,
  });
  stream.sent(bytesOf("b"));
  stream.sent(bytesOf("c"));
  assertEquals(notes.slice(3), [
    "1 PA 101 101 1",
    "1 PA 102 101 1 In the clear here, by TLS in the network, TLSv1.3, localhost",
    "1 PA 103 101 1",
  ]);
});

Deno.test("OtherEnd adds how it ends to the end that tells, after what that still reads", () => {
  const ways = { ended: "2 FA", cut: "2 RA", peerCut: "1 RA" } as const;
  for (const [way, packet] of Object.entries(ways)) {
    for (const isFreed of [false, true]) {
      const { notes, stream } = notedStream();
      let frees = 0;
      const other = new OtherEnd(stream, () => frees++);
      if (isFreed) stream.freed();
      other.sent();
      other.received();
      other.secured();
      other[way as keyof typeof ways]();
      other.freed();
      if (!isFreed) {
        stream.received(bytesOf("unread"));
        assertEquals(notes.splice(3, 1), ["2 PA 101 101 6"]);
        assertEquals(notes.length, 3);
        stream.freed();
      }
      assertEquals(notes[3]!.slice(0, 4), packet);
      assertEquals([notes.length, frees], [4, 1]);
    }
  }
});

Deno.test("OtherEnd tells at once that it has read the end", () => {
  const { notes, stream } = notedStream();
  new OtherEnd(stream, () => {}).peerEnded();
  assertEquals(notes.slice(3), ["1 FA 101 101 0"]);
});
