import { assertEquals } from "@std/assert";
import { makePage } from "../../src/debug/packet.ts";
import {
  BLOCK_HEAD_LENGTH,
  commentBytes,
  fileHead,
  packetBlockLength,
  writePacketBlock,
} from "../../src/debug/pcapng.ts";
import { readPackets } from "../support/packets.ts";

Deno.test("fileHead() is a section and an interface of IP packets", () => {
  const head = fileHead(96);
  assertEquals(readPackets(head), []);
  const view = new DataView(head.buffer);
  assertEquals(view.getUint32(8, true), 0x1a2b3c4d);
  const at = view.getUint32(4, true);
  assertEquals([view.getUint16(at + 8, true), view.getUint32(at + 12, true)], [101, 96]);
});

Deno.test("writePacketBlock() keeps the time, the lengths and a comment", () => {
  const micros = Date.UTC(2030, 0, 1) * 1_000 + 123_456;
  for (const said of [undefined, "a", "abc", "abcd", "Grüße", "x".repeat(5_000)]) {
    for (const kept of [28, 29, 30, 31]) {
      const page = makePage(2_048);
      page.bytes.fill(0xa5);
      const packet = page.bytes.subarray(BLOCK_HEAD_LENGTH, BLOCK_HEAD_LENGTH + kept);
      packet.fill(0);
      packet.set([0x45, 0, 0, 99], 0);
      packet[9] = 17;
      const comment = commentBytes(said);
      writePacketBlock(page, 0, micros, kept, 99, comment);
      const padding = page.bytes.subarray(BLOCK_HEAD_LENGTH + kept, BLOCK_HEAD_LENGTH + 32);
      assertEquals([...padding.subarray(0, -kept & 3)], Array(-kept & 3).fill(0));
      const block = page.bytes.subarray(0, packetBlockLength(kept, comment));
      const [read] = readPackets(new Uint8Array([...fileHead(96), ...block]));
      const what = [read!.micros, read!.kept, read!.length, read!.comment];
      assertEquals(what, [micros, kept, 99, said?.slice(0, 1_024)]);
    }
  }
});
