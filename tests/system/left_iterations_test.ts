// A step of an iteration that still waits when the iteration is left, as with `Promise.race([next, timeout])`: it ends,
// and what comes afterwards belongs to whoever asks next.

import { assertEquals } from "@std/assert";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { framed } from "../../src/framing/framed.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { Client } from "../../src/connection/client.ts";
import { Listener } from "../../src/listener/listener.ts";
import type { UdpSession } from "../../src/udp/udp_session.ts";
import { connectedPair } from "../../testing/connected_pair.ts";
import { settled } from "../support/scripted_datagrams.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { droppedBy, localListener } from "../support/udp_listeners.ts";

const DONE = { done: true, value: undefined };

/** Begins some steps, leaves, and checks that all are over. */
async function leave(
  iterator: AsyncIterator<unknown>,
  steps: number,
): Promise<void> {
  const waiting = Array.from({ length: steps }, () => iterator.next());
  await settled();
  const left = iterator.return!();
  // Whoever asks now, or later, asks for nothing.
  await assertOver(iterator);
  assertEquals(await left, DONE);
  assertEquals(await Promise.all(waiting), waiting.map(() => DONE));
  await assertOver(iterator);
  assertEquals(await iterator.return!(), DONE);
  await assertOver(iterator);
}

/** Checks that its next step is the end, and does not wait for it. */
async function assertOver(iterator: AsyncIterator<unknown>): Promise<void> {
  const next = iterator.next();
  assertEquals(await Promise.race([next, settled().then(() => "it waits")]), DONE);
}

testOnEngines("UdpListener's iterations that are left take nothing any more", async (network) => {
  await using listener = localListener(network);
  await listener.start();
  const peer = { remoteHost: "127.0.0.1", remotePort: listener.port };
  await using client = localClient(network, peer);
  await leave(listener[Symbol.asyncIterator](), 3);
  await leave(listener.acceptSessions(), 3);
  await client.write("1");
  for await (const [, { data }] of listener) {
    assertEquals(text(data), "1");
    break;
  }
  await leave(listener.acceptSessions(), 3);
  await leave(listener[Symbol.asyncIterator](), 3);
  await client.write("2");
  for await (const session of listener.acceptSessions()) {
    assertEquals(text((await session.read())[0]), "2");
    await session.close();
    break;
  }
  assertEquals(await listener.gracefulStop(), { completed: 0, aborted: 0, cut: [] });
  assertEquals(droppedBy(listener), 0);
});

testOnEngines("UdpSession's iteration that is left takes nothing any more", async (network) => {
  await using listener = localListener(network);
  await listener.start();
  const peer = { remoteHost: "127.0.0.1", remotePort: listener.port };
  await using client = localClient(network, peer);
  const sessions = listener.acceptSessions();
  await client.write("1");
  const session: UdpSession = (await sessions.next()).value!;
  const other = session[Symbol.asyncIterator]();
  assertEquals(text((await session.read())[0]), "1");
  const behind = leave(session[Symbol.asyncIterator](), 3);
  const next = other.next();
  await behind;
  await client.write("2");
  // Others wait on.
  assertEquals(text((await next).value!.data), "2");
  await session.close();
});

testOnEngines("UdpClient's iteration that is left takes nothing any more", async (network) => {
  await using client = localClient(network);
  await leave(client[Symbol.asyncIterator](), 3);
  await client.sendTo("1", await client.bound);
  assertEquals(text((await client.receiveFrom())[0]), "1");
});

Deno.test("Listener's iteration that is left ends its steps at once, and others accept", async () => {
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.start();
  await leave(listener[Symbol.asyncIterator](), 3);
  const iterator = listener[Symbol.asyncIterator]();
  const next = iterator.next();
  await using first = await Client.connect({ host: "127.0.0.1", port: listener.port });
  await using caller = (await next).value!;
  await caller.write("1");
  assertEquals(text((await first.read(1))[0]), "1");
  await leave(iterator, 2);
  const served = Promise.withResolvers<void>();
  listener.attach({ onConnect: () => served.resolve() });
  await using _second = await Client.connect({ host: "127.0.0.1", port: listener.port });
  await served.promise;
  await listener.immediateStop();
});

Deno.test("Connection's iteration that is left ends its step, and the next read gets the bytes", async () => {
  const [near, far] = connectedPair();
  await leave(near[Symbol.asyncIterator](), 1);
  const reading = near.read(1);
  await far.write("1");
  assertEquals(text((await reading)[0]), "1");
  await Promise.all([near.close(), far.close()]);
});

Deno.test("Framed's iteration that is left ends its step, and the next receive gets the message", async () => {
  const [near, far] = connectedPair();
  const lines = framed(near, new LineCodec());
  await leave(lines[Symbol.asyncIterator](), 1);
  const old = lines[Symbol.asyncIterator]();
  const message = lines.receive();
  await settled();
  // It has no step that waits: it ends nobody's.
  await old.return!();
  await far.write("1\n");
  assertEquals(await message, "1");
  await Promise.all([near.close(), far.close()]);
});

Deno.test("Connection's iteration that is left takes no bytes that are there", async () => {
  const [near, far] = connectedPair();
  const iterator = near[Symbol.asyncIterator]();
  await far.write("12");
  assertEquals(text((await iterator.next()).value!), "12");
  await far.write("34");
  assertEquals(text((await near.peek(2))[0]), "34");
  await iterator.return!();
  await assertOver(iterator);
  assertEquals(text((await near.read())[0]), "34");
  await Promise.all([near.close(), far.close()]);
});

Deno.test("Framed's iteration that is left takes no messages that are there", async () => {
  const [near, far] = connectedPair();
  const lines = framed(near, new LineCodec());
  const iterator = lines[Symbol.asyncIterator]();
  await far.write("1\n2\n");
  assertEquals((await iterator.next()).value, "1");
  await iterator.return!();
  await assertOver(iterator);
  assertEquals(await lines.receive(), "2");
  await Promise.all([near.close(), far.close()]);
});

Deno.test("Connection's iteration that is left ends no loan of a later loop", async () => {
  const [near, far] = connectedPair();
  coreOf(near).lendsToLoops = true;
  const old = near[Symbol.asyncIterator]();
  await old.return!();
  await far.write("12");
  const later = near[Symbol.asyncIterator]();
  const { value } = await later.next();
  await old.return!();
  assertEquals(text(value!), "12");
  await assertOver(old);
  assertEquals(text(value!), "12");
  await later.return!();
  await Promise.all([near.close(), far.close()]);
});
