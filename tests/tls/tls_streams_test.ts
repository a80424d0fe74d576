import { assertEquals, assertRejects } from "@std/assert";
import type { TLSSocket } from "node:tls";
import { TlsStreams } from "../../src/tls/tls_streams.ts";
import { TlsWire } from "../../src/tls/tls_wire.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { isPending } from "../support/scripted_connection.ts";
import { takingTransport } from "../support/taking_transport.ts";

const clock = new VirtualClock();

type CalledBack = (error?: Error | null) => void;

/** A socket whose writes are called back when the test says so, over a transport that takes when it says so. */
function play() {
  const { transport, takes } = takingTransport();
  const wire = new TlsWire(transport);
  const writes: { readonly length: number; readonly callBack: CalledBack }[] = [];
  const socket = {
    write: ({ length }: Uint8Array, callBack: CalledBack) => void writes.push({ length, callBack }),
  } as unknown as TLSSocket;
  return { path: new TlsStreams(socket, wire), wire, takes, writes };
}

Deno.test("TlsStreams.write() takes one record, and resolves when the transport has all of it", async () => {
  const { path, wire, takes, writes } = play();
  const writing = path.write(new Uint8Array(20_000));
  assertEquals(writes[0]!.length, 16_384);
  wire.write(new Uint8Array(10));
  writes[0]!.callBack(null);
  assertEquals(await isPending(clock, writing), true);
  takes[0]!(10);
  assertEquals(await writing, 16_384);
});

Deno.test("TlsStreams.write() rejects with what node:tls says, or with what sending failed with", async () => {
  const { path, wire, takes, writes } = play();
  const first = assertRejects(() => path.write(new Uint8Array(1)), Error, "destroyed");
  writes[0]!.callBack(new Error("destroyed"));
  await first;
  const second = assertRejects(() => path.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
  wire.write(new Uint8Array(10));
  writes[1]!.callBack();
  takes[0]!(Promise.reject(new Deno.errors.BrokenPipe("gone")));
  await second;
});

Deno.test("TlsStreams.decrypt() hands bytes to the wire, before it returns", () => {
  const { path, wire } = play();
  const got: Uint8Array[] = [];
  wire.on("data", (bytes) => got.push(bytes));
  path.decrypt(new Uint8Array([1, 2]));
  path.answer();
  assertEquals(got, [new Uint8Array([1, 2])]);
});
