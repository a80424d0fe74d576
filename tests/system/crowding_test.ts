// Silent clients take no places of others, over real sockets.

import { assert, assertEquals } from "@std/assert";
import { Client, Listener, type ListenerEvent } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { dial } from "../support/dial.ts";
import { echo } from "../support/echo.ts";
import { listening } from "../support/listening.ts";

const authority = await Authority.make("Crowding Test CA");
const { cert, key } = await authority.sign({ hosts: ["localhost"] });
const secure = { caCerts: [authority.cert], serverName: "localhost" };

/** Connects and stays silent. */
async function silent(listener: Listener, count: number): Promise<Deno.Conn[]> {
  const { port } = listener;
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
  return await Promise.all(Array.from({ length: count }, connect));
}

async function isServed(listener: Listener, more: object): Promise<boolean> {
  const client = await dial(listener, more);
  await client.write("ping");
  const [, length] = await client.read(4);
  await client.close();
  return length === 4;
}

Deno.test("Listener with maxConnections serves over TLS beside more who are silent", async () => {
  await using listener = await listening(echo, { maxConnections: 5, secureSocket: { cert, key } });
  const crowd = await silent(listener, 60);
  for (let i = 0; i < 10; i++) {
    assertEquals(await isServed(listener, { secureSocket: secure }), true);
  }
  assertEquals([listener.connections.size <= 5, listener.stats().handshakes.failed], [true, 0]);
  for (const one of crowd) one.close();
});

Deno.test("Listener with maxConnections serves behind a proxy beside more who are silent", async () => {
  await using listener = await listening(echo, {
    maxConnections: 5,
    proxyProtocol: { trusted: ["127.0.0.1"], headerTimeoutInMillis: Infinity },
  });
  const crowd = await silent(listener, 60);
  for (let i = 0; i < 10; i++) {
    assertEquals(await isServed(listener, { sendProxyHeader: {} }), true);
  }
  for (const one of crowd) one.close();
});

Deno.test("Listener lets those who are silent go for those who shake hands", async () => {
  const told: string[] = [];
  await using listener = await listening(echo, {
    secureSocket: {
      cert,
      key,
      maxHandshakes: 20,
      handshakeTimeoutInMillis: Infinity,
    },
    onEvent(event) {
      if (event.kind === "refused") told.push(`${event.kind} ${event.error?.code}`);
    },
  });
  const crowd = await silent(listener, 200);
  // Without room these would wait for ever.
  for (let i = 0; i < 30; i++) {
    assertEquals(await isServed(listener, { secureSocket: secure }), true);
  }
  const { underWay, completed } = listener.stats().handshakes;
  assert(underWay <= 20, `${underWay}`);
  assertEquals([completed, new Set(told)], [30, new Set(["refused limit"])]);
  for (const one of crowd) one.close();
});

Deno.test("Listener counts who is open, not who is on his way", async () => {
  await using listener = await listening(echo, { secureSocket: { cert, key } });
  const crowd = await silent(listener, 5);
  const client = await Client.connect({
    host: "127.0.0.1",
    port: listener.port,
    secureSocket: secure,
  });
  await client.write("ping");
  await client.read(4);
  assertEquals([listener.stats().open, listener.connections.size], [1, 1]);
  await client.close();
  for (const one of crowd) one.close();
});

Deno.test("Listener.onEvent that writes to everybody under maxTotalQueuedBytes ends", async () => {
  const told: ListenerEvent[] = [];
  const listener = new Listener(0, {
    interface: "127.0.0.1",
    maxTotalQueuedBytes: 1_000_000,
    onEvent(event) {
      if (event.kind !== "refused") return;
      told.push(event);
      for (const caller of listener.connections) void caller.write(`${event.kind}\n`);
    },
  });
  listener.attach({
    async onReadReady(caller) {
      const [bytes] = await caller.read();
      for (const other of listener.connections) void other.write(bytes);
    },
  });
  await listener.start();
  const deaf = await silent(listener, 5);
  const speaker = await dial(listener);
  const chunk = new Uint8Array(64 * 1024);
  const reading = (async () => {
    try {
      for await (const _ of speaker);
    } catch { /* it may be among those that are cut */ }
  })();
  for (let i = 0; i < 2_000 && told.length < 5; i++) {
    if (await speaker.write(chunk).then(() => false, () => true)) break;
  }
  assert(told.length > 0 && told.length <= 6, `${told.length} were told`);
  await listener.immediateStop();
  for (const one of deaf) one.close();
  await speaker.close();
  await reading;
});
