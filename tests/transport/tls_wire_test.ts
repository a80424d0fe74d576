import { assertEquals } from "@std/assert";
import type { Transport } from "../../src/network.ts";
import { TlsWire } from "../../src/transport/tls_wire.ts";
import { connectedTransports } from "../../testing/mod.ts";

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

Deno.test("TlsWire keeps the callback of a write until it is to go on, where its host says so", async () => {
  const [near] = connectedTransports();
  let goesOn = false;
  const wire = new TlsWire(near, { onSent: () => goesOn });
  let taken = 0;
  wire.write(bytes(3, 1), () => taken++);
  await wire.idle();
  assertEquals(taken, 0);
  wire.goOn();
  wire.goOn();
  assertEquals(taken, 1);
  goesOn = true;
  wire.write(bytes(3, 1), () => taken++);
  await wire.idle();
  assertEquals([taken, wire.bytesHanded], [2, 6]);
});
