// What somebody has put on Object.prototype is no option, neither of ours nor of the runtime's functions below us.

import { assertEquals } from "@std/assert";
import { Client, Listener, UdpClient } from "../../mod.ts";
import type { Network } from "../../src/network/network.ts";
import { inFolder } from "../support/folder.ts";
import { withPollution } from "../support/pollution.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { localListener } from "../support/udp_listeners.ts";

/** What would do harm, each by itself: the values are such that somebody trips over them. */
const EVILS: readonly Record<string, unknown>[] = [
  { signal: AbortSignal.abort("polluted") },
  { timeoutInMillis: 1 },
  { transport: "unix" },
  { path: "/nowhere" },
  { family: 6 },
  { all: true },
  { hints: 99_999 },
  { order: "first" },
  { verbatim: 1 },
  { source: "10.1.2.3" },
  { networkInterface: "10.1.2.3" },
  { interface: "10.1.2.3" },
  { timeToLive: 7 },
  { multicastTimeToLive: 7 },
  { multicastInterface: "10.1.2.3" },
  { recvBufferSize: -1 },
  { sendBufferSize: -1 },
  { ipv6Only: "yes" },
  { exclusive: "yes" },
  { localAddress: "10.1.2.3" },
  { localPort: "none" },
  { keepAliveInMillis: 1_000 },
  { resetOnAbort: true },
  { reusePort: true },
  { keepAliveProbes: 1 },
  { fastOpen: true },
  { inherited: 3 },
  { notifyReady: true },
  { fd: 0 },
  { keepAliveInitialDelay: "soon" },
  { mode: 0 },
  { recursive: true },
  { createNew: true },
  { append: true },
  { timeout: 1 },
  { start: () => Promise.reject(new Error("polluted")) },
  { type: "owls" },
  { size: () => -1 },
  { autoAllocateChunkSize: -1 },
];

/** A datagram there and back by each face, whatever the root of all objects has. */
async function talkByDatagrams(network: Network): Promise<void> {
  const listener = localListener(network);
  await listener.start();
  const loop = (async () => {
    for await (const [caller, { data }] of listener) await caller.sendBytes(data);
  })();
  loop.catch(() => {});
  const client = localClient(network);
  const to = { host: "127.0.0.1", port: listener.port };
  await client.sendTo("a", to);
  const answers = [text((await client.receiveFrom())[0])];
  await client.sendTo("b", to);
  answers.push(text((await client.receiveFrom(undefined, {}))[0]));
  await client.sendTo("c", { host: "localhost", port: listener.port });
  answers.push(text((await client.read())[0]));
  await client.connect({ host: "localhost", port: listener.port });
  await client.write("d");
  for await (const { data } of client) {
    answers.push(text(data));
    break;
  }
  // What is queued still leaves.
  const last = client.write("e");
  last.catch(() => {});
  await client.close();
  await last;
  await listener.gracefulStop();
  await loop;
  assertEquals(answers, ["a", "b", "c", "d"]);
}

async function talkBySession(network: Network): Promise<void> {
  const listener = localListener(network);
  listener.attach({
    async onSession(session) {
      await session.write((await session.read())[0]);
      for await (const { data } of session) await session.write(data);
    },
  });
  await listener.start();
  const client = localClient(network, { remoteHost: "127.0.0.1", remotePort: listener.port });
  for (const word of ["a", "b"]) {
    await client.write(word);
    assertEquals(text((await client.read())[0]), word);
  }
  await Promise.all([client.close(), listener.gracefulStop()]);
}

async function joinAndLeave(network: Network): Promise<void> {
  const client = new UdpClient({ port: 0 }, { network });
  await client.joinGroup("239.255.76.9");
  await client.leaveGroup("239.255.76.9");
  await client.joinGroup("239.255.76.9", { interface: "127.0.0.1" });
  await client.close();
}

/** A line there and back. */
async function talk(listener: Listener, connect: () => Promise<Client>): Promise<void> {
  listener.attach({
    async onReadReady(caller) {
      await caller.write((await caller.read())[0]);
    },
  });
  await listener.start();
  const client = await connect();
  await client.write("hello");
  assertEquals(text((await client.read(5))[0]), "hello");
  await client.close();
  await listener.gracefulStop();
}

async function talkByWebStreams(): Promise<void> {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  listener.attach({ onConnect: (caller) => caller.readable.pipeTo(caller.writable) });
  await listener.start();
  const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  const writer = client.writable.getWriter();
  await writer.write("hello");
  await writer.close();
  let heard = "";
  for await (const bytes of client.readable) heard += text(bytes);
  assertEquals(heard, "hello");
  await listener.gracefulStop();
}

async function talkByStream(): Promise<void> {
  for (const extra of [{}, { localAddress: "127.0.0.1" }, { keepAliveInMillis: 1_000 }]) {
    const listener = new Listener(0, { interface: "127.0.0.1" });
    const target = () => ({ host: "localhost", port: listener.port, ...extra });
    await talk(listener, () => Client.connect(target()));
  }
}

/** Does something with each evil in place, and says which one it did not bear. */
async function despite(work: () => Promise<void>): Promise<void> {
  const harmful: string[] = [];
  for (const evil of EVILS) {
    let problem: unknown;
    await withPollution(evil, async () => {
      problem = await work().then(() => undefined, (error) => error ?? "?");
    });
    if (problem !== undefined) harmful.push(`${Object.keys(evil)}: ${problem}`);
  }
  assertEquals(harmful, []);
}

testOnEngines("Datagrams go there and back whatever Object.prototype has", async (network) => {
  await despite(() => talkByDatagrams(network));
  await despite(() => talkBySession(network));
});

testOnEngines("Groups are joined whatever Object.prototype has", async (network) => {
  await despite(() => joinAndLeave(network));
});

Deno.test("Streams go there and back whatever Object.prototype has", async () => {
  await despite(talkByStream);
  await despite(talkByWebStreams);
});

Deno.test("Local sockets are bound whatever Object.prototype has", async () => {
  await inFolder(async (folder) => {
    await despite(async () => {
      const path = `${folder}/s`;
      await talk(new Listener(0, { path }), () => Client.connect({ path }));
    });
  });
});
