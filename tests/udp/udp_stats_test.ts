import { assert, assertEquals } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { UdpClient } from "../../src/udp/udp_client.ts";
import { UdpListener } from "../../src/udp/udp_listener.ts";
import type { UdpListenerConfig } from "../../src/udp/udp_listener_config.ts";
import type { UdpServiceOrFactory } from "../../src/udp/udp_service.ts";
import type { UdpSession } from "../../src/udp/udp_session.ts";
import type { UdpListenerStats } from "../../src/udp/udp_stats.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { bindNodeDatagram } from "../../src/network/node/node_datagram.ts";
import type { DatagramTarget, Network } from "../../src/network/network.ts";
import { nodeNetwork } from "../../src/network/deno/deno_network.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { printedDuring } from "../support/printed_during.ts";
import { serving } from "../support/udp_listeners.ts";

const NOTHING: UdpListenerStats = {
  received: { datagrams: 0, bytes: 0 },
  sent: { datagrams: 0, bytes: 0 },
  dropped: {
    "queue-limit": 0,
    "session-limit": 0,
    sender: 0,
    "not-taken": 0,
    stopped: 0,
    transferred: 0,
  },
  sessions: { open: 0, begun: 0, ended: { local: 0, idle: 0, stop: 0, error: 0 }, peak: 0 },
  queuedBytes: 0,
};

/** What has been dropped, without the reasons for which nothing was. */
function droppedAt(listener: UdpListener): Record<string, number> {
  return Object.fromEntries(
    Object.entries(listener.stats().dropped).filter(([, count]) => count > 0),
  );
}

async function scripted(service: UdpServiceOrFactory | undefined, config: UdpListenerConfig = {}) {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const listener = new UdpListener(0, { interface: "127.0.0.1", network, ...config });
  if (service !== undefined) listener.attach(service);
  await listener.start();
  return {
    clock,
    network,
    listener,
    async deliver(word: string, port = 9) {
      network.sockets.at(-1)!.deliver(word, port);
      await settled();
    },
  };
}

testOnEngines("UdpListener.stats() counts what has come and gone", async (network) => {
  await using sockets = await serving(network, {
    onBytes: (_, bytes) => bytes.length > 1 ? [bytes, "and more"] : undefined,
  });
  const { client, listener } = sockets;
  assertEquals(listener.stats(), NOTHING);
  await client.write("1");
  await client.write("four");
  await client.read();
  await client.read();
  const stats = listener.stats();
  assertEquals([stats.received, stats.sent], [
    { datagrams: 2, bytes: 5 },
    { datagrams: 2, bytes: 12 },
  ]);
  for (
    const each of [stats, stats.received, stats.sent, stats.dropped, stats.sessions].concat(
      stats.sessions.ended as never,
    )
  ) assert(Object.isFrozen(each));
  // It goes on from there, also behind a stop.
  await listener.gracefulStop();
  assertEquals(listener.stats(), stats);
  await listener.start();
  await client.write("5");
  while (listener.stats().received.datagrams < 3) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(listener.stats().received.bytes, 6);
});

Deno.test("UdpListener.stats() counts what was dropped, by reason", async () => {
  const never = () => new Promise<void>(() => {});
  {
    const { listener, deliver } = await scripted({ onBytes: never }, { maxUnreadBytes: 300 });
    for (let i = 0; i < 4; i++) await deliver("x");
    await deliver("forged", 0);
    await deliver("forged", listener.port);
    assertEquals(droppedAt(listener), { "queue-limit": 2, sender: 2 });
    assertEquals(listener.stats().received, { datagrams: 6, bytes: 16 });
    await listener.immediateStop();
    assertEquals(droppedAt(listener), { "queue-limit": 2, sender: 2, "not-taken": 1 });
  }
  {
    const config = { maxSessions: 2, maxUnreadBytesPerSession: 300 };
    const sessions: UdpSession[] = [];
    const { listener, deliver } = await scripted({
      onSession: (session) => void sessions.push(session),
    }, config);
    for (let port = 1; port <= 5; port++) await deliver("x", port);
    await deliver("x", 1);
    await deliver("x", 2);
    assertEquals(droppedAt(listener), { "session-limit": 3, "queue-limit": 2 });
    await sessions[0]!.close();
    assertEquals(droppedAt(listener), {
      "session-limit": 3,
      "queue-limit": 2,
      "not-taken": 1,
    });
    // What the second one has not read keeps the stop waiting, and a receive is under way still.
    const stopping = listener.gracefulStop();
    await settled();
    await deliver("late", 7);
    assertEquals(droppedAt(listener).stopped, 1);
    await listener.immediateStop();
    await stopping;
  }
  {
    const kept: Uint8Array<ArrayBuffer>[] = [];
    const { listener, deliver, network } = await scripted({
      onBytes: (_, bytes) => void kept.push(bytes),
    });
    await deliver("x");
    structuredClone(kept[0], { transfer: [kept[0]!.buffer] });
    network.sockets[0]!.fail(new TypeError("detached"));
    await settled();
    assertEquals(droppedAt(listener), { transferred: 1 });
    // It has reached the listener, too. How long it was, nobody knows.
    assertEquals(listener.stats().received, { datagrams: 2, bytes: 1 });
    await listener.immediateStop();
  }
});

testOnEngines("UdpListener.stats() keeps what an engine had no room for", async (network) => {
  let dropped = 3;
  let knowsBytes: boolean;
  const lossy = {
    ...network,
    async listenDatagram(target: Parameters<typeof network.listenDatagram>[0]) {
      const socket = await network.listenDatagram(target);
      Object.defineProperty(socket, "droppedDatagrams", { get: () => dropped });
      Object.defineProperty(socket, "droppedBytes", {
        get: () => knowsBytes ? 10 * dropped : undefined,
      });
      return socket;
    },
  };
  for (knowsBytes of [true, false]) {
    const listener = new UdpListener(0, { interface: "127.0.0.1", network: lossy });
    // What was dropped has reached the listener, too.
    const assertDropped = (datagrams: number) => {
      assertEquals(droppedAt(listener), { "queue-limit": datagrams });
      const bytes = knowsBytes ? 10 * datagrams : 0;
      assertEquals(listener.stats().received, { datagrams, bytes });
    };
    for (const before of [0, 4]) {
      await listener.start();
      assertDropped(before + dropped);
      dropped = 4;
      await listener.immediateStop();
      assertDropped(before + dropped);
      dropped = 3;
    }
  }
});

for (const name of ["droppedDatagrams", "droppedBytes"] as const) {
  for (const told of ["mine", NaN, -1, 0.5]) {
    Deno.test(`A socket whose ${name} gives ${told} or throws counts no losses, and stops`, async () => {
      const base = scriptedDatagrams();
      const network: Network = {
        ...base,
        listenDatagram: (target) =>
          Object.defineProperty(base.listenDatagram(target), name, {
            get() {
              if (typeof told === "string") throw new Error(told);
              return told;
            },
          }),
      };
      await using listener = new UdpListener(0, { interface: "127.0.0.1", network });
      listener.attach({ onDatagram() {} });
      await listener.start();
      await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, { network });
      await client.bound;
      for (const { received, dropped } of [listener.stats(), client.stats()]) {
        assertEquals(received, { datagrams: 0, bytes: 0 });
        assertEquals(dropped["queue-limit"], 0);
      }
      base.sockets[0]!.fail(new Error("broken"));
      assertEquals((await listener.closed)?.code, "broken");
    });
  }
}

Deno.test("UdpClient.stats() counts as received what node:dgram's queue had no room for", async () => {
  const listenDatagram = (target: DatagramTarget) => bindNodeDatagram(target, 3 * (256 + 100));
  await using client = localClient({ ...nodeNetwork, listenDatagram });
  await using sender = localClient(nodeNetwork);
  const to = await client.bound;
  for (let i = 0; i < 8; i++) await sender.sendTo(new Uint8Array(100), to);
  while (client.droppedDatagrams < 5) await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(client.stats().received, { datagrams: 5, bytes: 500 });
  for (let i = 0; i < 3; i++) await client.receiveFrom();
  assertEquals(client.stats().received, { datagrams: 8, bytes: 800 });
  assertEquals(client.stats().dropped["queue-limit"], 5);
  await client.close();
  assertEquals(client.stats().received, { datagrams: 8, bytes: 800 });
});

Deno.test("UdpListener.stats() counts sessions, and why they ended", async () => {
  const { listener, deliver, clock } = await scripted({
    async onSession(session) {
      const { remotePort } = session;
      if (remotePort === 1) await session.close();
      if (remotePort === 2) session.abort("enough");
      if (remotePort === 3) throw new Error("on purpose");
      if (remotePort === 4) await session.read(undefined, { timeoutInMillis: Infinity });
      // Rejects at the stop.
      if (remotePort > 5) { for (;;) await session.read(); }
    },
  }, { sessionIdleTimeoutInMillis: 1_000 });
  await printedDuring(async () => {
    for (let port = 1; port <= 5; port++) await deliver("x", port);
  });
  assertEquals(listener.stats().sessions, {
    open: 2,
    begun: 5,
    ended: { local: 2, idle: 0, stop: 0, error: 1 },
    peak: 2,
  });
  await clock.advance(2_000);
  for (let port = 6; port <= 8; port++) await deliver("x", port);
  const sessions = [...listener.sessions];
  assertEquals(listener.stats().sessions.ended.idle, 2);
  await listener.gracefulStop();
  assertEquals(listener.stats().sessions, {
    open: 0,
    begun: 8,
    ended: { local: 2, idle: 2, stop: 3, error: 1 },
    peak: 3,
  });
  // A read that rejects because of the stop is no error of the handler.
  for (const session of sessions) assertEquals(await session.closed, undefined);
});

Deno.test("UdpListener.stats() counts sessions that end with their listener", async () => {
  for (const way of ["stop", "error"] as const) {
    const { listener, deliver, network } = await scripted({ onSession: () => {} });
    await deliver("x");
    if (way === "stop") await listener.immediateStop();
    else network.sockets[0]!.fail(new GenericError("broken", "on fire"));
    await listener.closed;
    assertEquals(listener.stats().sessions.ended[way], 1);
  }
});
