import { assert } from "@std/assert";
import { nodeNetwork, UdpClient, UdpListener } from "../../mod.ts";
import type { Turns } from "../../src/network/turns.ts";

const DATAGRAMS = 600;

function counting(): { turns: Turns; counts: { reads: number; steps: number } } {
  const counts = { reads: 0, steps: 0 };
  const turns: Turns = {
    read(read) {
      counts.reads++;
      read.begin();
      return true;
    },
    write: (write) => queueMicrotask(() => write.begin()),
    stepBack() {
      counts.steps++;
      return Promise.resolve(false);
    },
  };
  return { turns, counts };
}

/** Sends all, a few at a time: the system drops what does not fit its buffer. */
async function sendAll(port: number, receivedSoFar: () => number): Promise<void> {
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
  for (let sent = 0; sent < DATAGRAMS;) {
    for (let i = 0; i < 20; i++, sent++) await client.sendTo("x", { host: "127.0.0.1", port });
    while (receivedSoFar() < sent) await new Promise((resolve) => setImmediate(resolve));
  }
}

Deno.test("UdpClient lets others go first in the turns that its network has for datagrams", async () => {
  const { turns, counts } = counting();
  const network = { ...nodeNetwork, datagramTurns: turns };
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, {
    network,
    maxUnreadBytes: 1024 * 1024,
  });
  await client.bound;
  const everything = Promise.withResolvers<void>();
  const reading = (async () => {
    let taken = 0;
    for await (const _ of client) {
      // It is read ahead from the first one on.
      if (taken === 0) await everything.promise;
      if (++taken === DATAGRAMS) break;
    }
  })();
  await sendAll(client.localPort, () => client.stats().received.datagrams);
  assert(counts.reads > 0, "the socket takes no turn");
  everything.resolve();
  await reading;
  assert(counts.steps > 0, "who reads takes no turn");
});

Deno.test("UdpListener lets others go first in the turns that its network has for datagrams", async () => {
  const { turns, counts } = counting();
  const network = { ...nodeNetwork, datagramTurns: turns };
  const listener = new UdpListener(0, { interface: "127.0.0.1", network });
  listener.attach({ onDatagram() {} });
  await listener.start();
  await sendAll(listener.port, () => listener.stats().received.datagrams);
  assert(counts.reads > 0, "the socket takes no turn");
  await listener.gracefulStop();
});
