import { assertEquals } from "@std/assert";
import { MMSGHDR_BYTES } from "../../../src/network/linux/abi.ts";
import {
  addressOf,
  CONTROL_WORDS,
  MessageMemory,
  MESSAGES,
} from "../../../src/network/linux/message_memory.ts";
import { linuxTest } from "../../support/linux_engine.ts";

linuxTest("MessageMemory describes messages as the system wants them", () => {
  const memory = new MessageMemory();
  const header = (message: number) =>
    new DataView(memory.bytes.buffer, message * MMSGHDR_BYTES, MMSGHDR_BYTES);
  const namesAt = addressOf(memory.names.buffer);
  assertEquals(memory.bytes.length, MESSAGES * MMSGHDR_BYTES);
  for (const message of [0, 1, MESSAGES - 1]) {
    memory.setNameLength(message, 16);
    memory.setControlLength(message, 40);
    const view = header(message);
    // struct msghdr: name, its length; iovec, how many; control data, its length.
    assertEquals(Number(view.getBigUint64(0, true)), namesAt + message * 32);
    assertEquals([view.getUint32(8, true), Number(view.getBigUint64(24, true))], [16, 1]);
    const control = addressOf(memory.control.buffer) + message * CONTROL_WORDS * 4;
    assertEquals(Number(view.getBigUint64(32, true)), control);
    assertEquals([Number(view.getBigUint64(40, true)), memory.controlLength(message)], [40, 40]);
    memory.setControlLength(message, 0);
    assertEquals([view.getBigUint64(32, true), view.getBigUint64(40, true)], [0n, 0n]);
    view.setUint32(56, 77, true);
    assertEquals(memory.lengthOf(message), 77);
  }
  const before = header(3).getBigUint64(16, true);
  memory.describe(3, 5, 2);
  assertEquals(header(3).getBigUint64(16, true) - before, 2n * 16n);
  assertEquals(header(3).getBigUint64(24, true), 2n);
});

linuxTest("addressOf() is where memory is, beyond four gibibytes too", () => {
  const { buffer } = new Uint8Array(1 << 20);
  const pointer = Deno.UnsafePointer.create(BigInt(addressOf(buffer)))!;
  new Uint8Array(buffer)[7] = 42;
  assertEquals(new Deno.UnsafePointerView(pointer).getUint8(7), 42);
});
