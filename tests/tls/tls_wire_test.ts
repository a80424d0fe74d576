import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Transport } from "../../src/network/network.ts";
import { TlsWire } from "../../src/tls/tls_wire.ts";
import { connectedTransports, VirtualClock } from "../../testing/mod.ts";
import { isPending } from "../support/scripted_connection.ts";
import { takingTransport } from "../support/taking_transport.ts";

const clock = new VirtualClock();

function bytes(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

Deno.test("TlsWire sends in order, whole, and calls back when the transport has taken it", async () => {
  const [near, far] = connectedTransports({ capacity: 4 });
  const wire = new TlsWire(near);
  const taken: number[] = [];
  wire.write(bytes(6, 1), () => taken.push(1));
  wire.write(bytes(2, 2), "buffer", () => taken.push(2));
  assertEquals(wire.isSending, true);
  const buffer = new Uint8Array(8);
  let length = 0;
  while (length < 8) length += (await far.read(buffer.subarray(length)))!;
  await wire.idle();
  assertEquals([...buffer], [1, 1, 1, 1, 1, 1, 2, 2]);
  assertEquals([taken, wire.isSending, wire.failure], [[1, 2], false, undefined]);
});

Deno.test("TlsWire keeps what sending failed with, and holds nobody up", async () => {
  const failure = new Deno.errors.BrokenPipe("gone");
  const broken = { write: () => Promise.reject(failure) } as unknown as Transport;
  const wire = new TlsWire(broken);
  let taken = 0;
  wire.write(bytes(1, 1), () => taken++);
  wire.write(bytes(1, 2), () => taken++);
  await wire.idle();
  assertEquals([taken, wire.failure], [2, failure]);
});

Deno.test("TlsWire.feed() has bytes decrypted before it returns", () => {
  const [near] = connectedTransports();
  const wire = new TlsWire(near);
  const got: Uint8Array[] = [];
  wire.on("data", (chunk) => got.push(chunk));
  wire.feed(bytes(3, 7));
  assertEquals(got, [bytes(3, 7)]);
});

Deno.test("TlsWire.send() tells each time how much has been taken, and sends more in between", async () => {
  const { transport, offered, takes } = takingTransport();
  const wire = new TlsWire(transport);
  const told: string[] = [];
  wire.send(bytes(10, 1), (count) => told.push(`first ${count}`));
  wire.send(bytes(2, 2), (count) => {
    told.push(`second ${count}`);
    wire.send(bytes(1, 3));
  });
  const idle = wire.idle();
  for (const count of [4, 6, 2, 1]) {
    assertEquals(await isPending(clock, idle), true);
    takes.shift()!(count);
  }
  await idle;
  assertEquals(told, ["first 4", "first 10", "second 2"]);
  assertEquals([offered, wire.isSending], [[10, 6, 2, 1], false]);
});

Deno.test("TlsWire.sendLast() sends nothing after it, and calls back whoever tries", async () => {
  const [near, far] = connectedTransports();
  const wire = new TlsWire(near);
  wire.write(Uint8Array.of(1));
  wire.sendLast(Uint8Array.of(2, 3));
  await new Promise<void>((resolve) => wire.write(Uint8Array.of(4), () => resolve()));
  await wire.idle();
  near.close();
  const received: number[] = [];
  const buffer = new Uint8Array(8);
  for (let count; (count = await far.read(buffer)) !== null;) {
    received.push(...buffer.subarray(0, count));
  }
  assertEquals(received, [1, 2, 3]);
  far.close();
});

Deno.test("TlsWire fails with a stream that tells a count that cannot be", async () => {
  for (const count of [0, NaN, undefined, 4]) {
    let calls = 0;
    // It takes everything after a while: a test that never ends would tell nothing.
    const write = () => Promise.resolve(++calls > 100 ? 3 : count as number);
    const wire = new TlsWire({ write });
    wire.write(bytes(3, 1));
    await wire.idle();
    assertStringIncludes(String(wire.failure), `it took ${count}`);
    assertEquals(calls, 1);
  }
});
