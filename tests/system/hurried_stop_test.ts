// A graceful stop that is hurried before it has looked once still names all that had arrived: nobody else does.

import { assertEquals } from "@std/assert";
import {
  Client,
  Listener,
  type ListenerConfig,
  type StopReport,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import { linuxNetwork, linuxNetworkProblem } from "../../linux/mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { Authority } from "../support/certificates.ts";
import { testOnEngines } from "../support/udp_engines.ts";

/** What all listeners can do. */
type Stoppable = Pick<Listener, "gracefulStop" | "immediateStop">;

const hurries: Record<string, (listener: Stoppable) => Promise<StopReport>> = {
  "whose signal is aborted": (listener) => listener.gracefulStop({ signal: AbortSignal.abort() }),
  "and immediateStop() behind it"(listener) {
    const report = listener.gracefulStop();
    void listener.immediateStop();
    return report;
  },
  "and immediateStop() before it"(listener) {
    void listener.immediateStop();
    return listener.gracefulStop();
  },
  async "and immediateStop() while it still accepts"(listener) {
    const report = listener.gracefulStop({ acceptForInMillis: 60_000 });
    await denoNetwork.turns!.looked!();
    void listener.immediateStop();
    return await report;
  },
  async "whose signal is aborted while it still accepts"(listener) {
    const hurry = new AbortController();
    const report = listener.gracefulStop({ acceptForInMillis: 60_000, signal: hurry.signal });
    await denoNetwork.turns!.looked!();
    hurry.abort();
    return await report;
  },
};

const { cert, key } = await (await Authority.make("Hurried Stop Test CA"))
  .sign({ hosts: ["localhost"] });
const problem = linuxNetworkProblem();
if (problem !== undefined) console.log(`skipped: streams on the engine for Linux (${problem})`);
const kinds: Record<string, ListenerConfig> = {
  TCP: {},
  TLS: { secureSocket: { cert, key } },
  ...(problem === undefined ? { "the engine for Linux": { network: linuxNetwork } } : {}),
};

const ports = (all: readonly { localPort: number }[]) => all.map((one) => one.localPort).toSorted();
const named = ({ cut }: StopReport) => cut.map((one) => one.remotePort).toSorted();

for (const [how, stop] of Object.entries(hurries)) {
  Deno.test(`Listener.gracefulStop() ${how} names who waits in the backlog`, async () => {
    for (const [kind, config] of Object.entries(kinds)) {
      for (const isSuspended of [true, false]) {
        let calls = 0;
        const listener = new Listener(0, { interface: "127.0.0.1", ...config });
        if (isSuspended) {
          listener.attach({ onConnect: () => void calls++ });
          listener.suspend();
        }
        await listener.start();
        const target = { host: "127.0.0.1", port: listener.port };
        const clients = await Promise.all(Array.from({ length: 4 }, () => Client.connect(target)));
        await Promise.all(clients.map((client) => client.write("hello\n")));
        const report = await stop(listener);
        assertEquals(named(report), ports(clients), kind);
        assertEquals([report.completed, calls], [0, 0]);
        assertEquals(new Set(report.cut.map(({ reason }) => reason)), new Set(["not-taken"]));
        await Promise.all(clients.map((client) => client.close()));
      }
    }
  });

  testOnEngines(`UdpListener.gracefulStop() ${how} names whose datagrams wait`, async (network) => {
    for (const isSuspended of [true, false]) {
      let calls = 0;
      const listener = new UdpListener(0, { interface: "127.0.0.1", network });
      if (isSuspended) {
        listener.attach({ onDatagram: () => void calls++ });
        listener.suspend();
      }
      await listener.start();
      const peer = { remoteHost: "127.0.0.1", remotePort: listener.port };
      const clients = Array.from(
        { length: 4 },
        () => new UdpClient({ host: "127.0.0.1", port: 0 }, peer),
      );
      for (const client of clients) await client.write("hello");
      const report = await stop(listener);
      assertEquals(named(report), ports(clients));
      assertEquals([report.completed, calls, listener.stats().received.datagrams], [0, 0, 4]);
      assertEquals(listener.stats().dropped["not-taken"], 4);
      await Promise.all(clients.map((client) => client.close()));
    }
  });
}

Deno.test("Listener.immediateStop() alone accepts nobody", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.start();
  const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  await listener.immediateStop();
  assertEquals(listener.stats().accepted, 0);
  await client.read().catch(() => {});
  client.abort();
});
