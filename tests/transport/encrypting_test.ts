import { assertEquals, assertRejects } from "@std/assert";
import type { TLSSocket } from "node:tls";
import type { Transport } from "../../src/network.ts";
import { Encrypting } from "../../src/transport/encrypting.ts";

type CalledBack = (error?: Error) => void;

/** A transport whose writes are taken when the test says so, and an engine that does nothing by itself. */
function play() {
  const sent: { readonly length: number; take(count?: number): void }[] = [];
  const inner = {
    write: (bytes: Uint8Array) =>
      new Promise<number>((resolve) =>
        sent.push({ length: bytes.length, take: (count = bytes.length) => resolve(count) })
      ),
  } as unknown as Transport;
  const encrypting = new Encrypting(inner);
  const writes: CalledBack[] = [];
  const socket = {
    write: (_: Uint8Array, calledBack: CalledBack) => void writes.push(calledBack),
  } as unknown as TLSSocket;
  /** The engine hands over so many bytes; counts the times that it is asked for more. */
  let asked = 0;
  const handOver = (length: number) =>
    void encrypting.wire.write(new Uint8Array(length), () => void asked++);
  return { encrypting, socket, sent, writes, handOver, asked: () => asked };
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return settled;
}

Deno.test("Encrypting.write() resolves when the transport has all that was handed over", async () => {
  const { encrypting, socket, sent, handOver, asked } = play();
  const writing = encrypting.write(socket, new Uint8Array(10));
  handOver(32);
  sent[0]!.take(30);
  assertEquals(await isSettled(writing), false);
  sent[1]!.take();
  assertEquals(await writing, 10);
  assertEquals(asked(), 0, "an engine that has nothing left was asked for more");
});

Deno.test("Encrypting.write() asks an engine for more that has handed over a part", async () => {
  const { encrypting, socket, sent, handOver, asked } = play();
  const writing = encrypting.write(socket, new Uint8Array(10));
  handOver(6);
  sent[0]!.take();
  assertEquals(await isSettled(writing), false);
  assertEquals(asked(), 1);
  handOver(6);
  sent[1]!.take();
  assertEquals(await writing, 10);
});

Deno.test("Encrypting.write() believes an engine that calls back with less than it was given", async () => {
  const { encrypting, socket, sent, writes, handOver } = play();
  const writing = encrypting.write(socket, new Uint8Array(10));
  handOver(6);
  writes[0]!();
  assertEquals(await isSettled(writing), false);
  sent[0]!.take();
  assertEquals(await writing, 10);
});

Deno.test("Encrypting.write() asks an engine on that has not called the last write back", async () => {
  const { encrypting, socket, sent, handOver, asked } = play();
  const first = encrypting.write(socket, new Uint8Array(10));
  handOver(32);
  sent[0]!.take();
  await first;
  const second = encrypting.write(socket, new Uint8Array(10));
  assertEquals(asked(), 1);
  handOver(32);
  sent[1]!.take();
  assertEquals(await second, 10);
});

Deno.test("Encrypting.write() rejects with what the engine says, also while something is sent", async () => {
  const { encrypting, socket, writes, handOver } = play();
  handOver(2);
  const writing = encrypting.write(socket, new Uint8Array(10));
  writes[0]!(new Error("destroyed"));
  await assertRejects(() => writing, Error, "destroyed");
});
