// Requests whose bytes wait on this side: for their pace, or for a peer that takes little at a time.

import { assert, assertEquals } from "@std/assert";
import { ReconnectingClient, RequestError, Requests } from "../../clients.ts";
import { linuxNetwork } from "../../linux/mod.ts";
import { Client, denoNetwork, framedService, LineCodec, Listener } from "../../mod.ts";
import type { Network } from "../../network.ts";
import { hasLinuxEngine } from "../support/linux_engine.ts";

const lines = new LineCodec();

Deno.test("A request that a pace still holds back when its time is over may be handled, and says so", async () => {
  const handled = new Set<string>();
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  listener.attach(framedService(lines, {
    onMessage(_caller, line) {
      handled.add(line.slice(0, 4));
      return "answer";
    },
  }));
  await listener.start();
  const client = await Client.connect({
    host: "127.0.0.1",
    port: listener.port,
    maxBytesWrittenPerSecond: 300_000,
  });
  const requests = new Requests<string, string>(client, lines);
  const notLeft: string[] = [];
  const all: Promise<void>[] = [];
  // A few at a time, as the loop of a busy program sends them.
  for (let burst = 0; burst < 40; burst++) {
    for (let i = 0; i < 8; i++) {
      const name = `${1_000 + burst * 8 + i}`;
      const timeoutInMillis = i % 3 === 0 ? 20_000 : 1 + i;
      const sending = requests.send(name + "-".repeat(i * 250), { timeoutInMillis });
      all.push(sending.then(() => {}, (error) => {
        assert(error instanceof RequestError);
        if (!error.hasLeft) notLeft.push(name);
      }));
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await Promise.all(all);
  await requests.close();
  assertEquals(notLeft.filter((name) => handled.has(name)), []);
  assert(handled.size > 0);
});

const networks: Record<string, Network> = {
  "Deno's sockets": denoNetwork,
  ...(hasLinuxEngine ? { "the engine for Linux": linuxNetwork } : {}),
};
for (const [engine, network] of Object.entries(networks)) {
  Deno.test(`Requests that wait for room are told of a reset, and nobody else is: ${engine}`, async () => {
    await using listener = new Listener(0, { interface: "127.0.0.1", network });
    let count = 0;
    listener.attach(framedService(lines, {
      onMessage(caller) {
        if (++count % 7 === 0) caller.abort();
        return "answer";
      },
    }));
    await listener.start();
    await using client = new ReconnectingClient({
      host: "127.0.0.1",
      port: listener.port,
      network,
      maxQueuedBytes: 1_000,
      redialDelayInMillis: 1,
      maxRedialDelayInMillis: 5,
    });
    const requests = new Requests<string, string>(client, lines);
    let answered = 0;
    for (let round = 0; round < 60; round++) {
      const all = Array.from(
        { length: 20 },
        (_, i) => requests.send("-".repeat((round * 20 + i) * 37 % 2_000)),
      );
      // A rejection that nobody handles would fail this test.
      for (const { status } of await Promise.allSettled(all)) {
        if (status === "fulfilled") answered++;
      }
    }
    assert(answered > 0);
    await requests.close();
  });
}
