import { assertEquals } from "@std/assert";
import { CaptureQueue } from "../../src/debug/capture_queue.ts";
import { ACK } from "../../src/debug/packet.ts";
import { PacketLog } from "../../src/debug/packet_log.ts";
import { resolveTarget } from "../../src/debug/capture_file.ts";
import { fileHead } from "../../src/debug/pcapng.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { keptBytes, readPackets } from "../support/packets.ts";
import { bytesOf } from "../support/text.ts";

const ends = [{ ip: Uint8Array.of(192, 0, 2, 1), port: 1 }, {
  ip: Uint8Array.of(192, 0, 2, 2),
  port: 2,
}] as const;

Deno.test("PacketLog dates packets, keeps as much as asked for, and counts those it drops", async () => {
  const clock = new VirtualClock();
  const { stream, bytes } = keptBytes();
  const queue = new CaptureQueue({
    clock,
    open: resolveTarget(stream),
    head: fileHead(64),
    maxBytes: 100_000,
    maxQueuedBytes: 300,
    onError: undefined,
  });
  const before = Date.now();
  const log = new PacketLog(queue, clock, 64);
  log.add(...ends, undefined, bytesOf("datagram"), "said");
  await clock.advance(1_500);
  log.add(...ends, { seq: 1, ack: 2, flags: ACK }, new Uint8Array(100), undefined);
  for (let i = 0; i < 9; i++) log.add(...ends, undefined, bytesOf("more"), undefined);
  assertEquals([log.packets, log.dropped], [5, 6]);
  await queue.close();
  log.add(...ends, undefined, bytesOf("late"), undefined);
  assertEquals([log.packets, log.dropped], [5, 6]);
  const [first, second] = readPackets(bytes());
  assertEquals([first!.comment, second!.comment], ["said", undefined]);
  assertEquals(second!.micros - first!.micros, 1_500_000);
  assertEquals(Math.abs(first!.micros / 1_000 - before) < 60_000, true);
  assertEquals([second!.length, second!.kept], [140, 64]);
});
