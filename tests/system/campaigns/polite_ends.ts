// A server that answers and closes while its client is still sending: the answer must still arrive.

import { Client, Listener } from "../../../mod.ts";
import {
  type Faults,
  gentleFaults,
  type Random,
  type SimulatedNetwork,
} from "../../../testing/mod.ts";
import { type Campaign, ensure, ensureArrived, Growing, pieces } from "./campaign.ts";

/** Closing with unread input is a reset for the system below; the answer and a proper end come before it. */
export const politeEnds: Campaign = {
  name: "polite-ends",
  faults,
  async run(net) {
    const answer = net.random.bytes(net.random.integer(1, 20_000));
    await using listener = new Listener(79, { network: net.host("server") });
    listener.attach({
      async onReadReady(caller) {
        if ((await caller.read())[1] < 0) return;
        void caller.write(answer);
        const closing = caller.close();
        if (net.random.chance(0.5)) await closing;
      },
    });
    await listener.start();
    await Promise.all(Array.from({ length: net.random.integer(1, 3) }, () => ask(net, answer)));
    await listener.gracefulStop();
  },
};

/** A closing connection waits 50 ms for more of what its peer sends: nothing may take longer than that. */
function faults(random: Random): Faults {
  const gentle = gentleFaults(random);
  return {
    ...gentle,
    latencyInMillis: [0, random.pick([0, 5])],
    bytesPerSecond: Infinity,
    receiveBufferInBytes: Math.max(gentle.receiveBufferInBytes, 4096),
    sendBufferInBytes: Math.max(gentle.sendBufferInBytes, 4096),
    loss: 0,
  };
}

async function ask(net: SimulatedNetwork, answer: Uint8Array): Promise<void> {
  await using client = await Client.connect({
    host: "server",
    port: 79,
    network: net.host("client"),
  });
  const got = new Growing();
  let hasEnded = false;
  const asking = (async () => {
    try {
      for (const piece of pieces(net, net.random.bytes(net.random.integer(1, 8_000)), 2000)) {
        if (hasEnded) break;
        await client.write(piece);
        if (net.random.chance(0.2)) await net.delay(net.random.integer(0, 10));
      }
    } catch { /* the server has closed: it may */ }
  })();
  for await (const bytes of client) got.add(bytes);
  hasEnded = true;
  ensureArrived(net, "answer", got.bytes, answer);
  await client.close();
  await asking;
  ensure(client.bytesRead === answer.length, `bytesRead is ${client.bytesRead}`);
}
