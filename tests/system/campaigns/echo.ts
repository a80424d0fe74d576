// Clients that come and go, a service that sends back what it gets.

import { type Client, Listener } from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import {
  type Campaign,
  dial,
  ensure,
  ensureArrived,
  Growing,
  isGentle,
  pieces,
  survives,
} from "./campaign.ts";

/** Nothing is lost, doubled or reordered; every connection that began reports its end, once. */
export const echo: Campaign = {
  name: "echo",
  async run(net) {
    const calls = { onConnect: 0, onError: 0, onClose: 0 };
    await using listener = new Listener(7, {
      network: net.host("server"),
      closeTimeoutInMillis: 600_000,
    });
    listener.attach({
      onConnect: () => void calls.onConnect++,
      async onReadReady(caller) {
        const [bytes, length] = await caller.read();
        if (length > 0) await caller.write(bytes);
      },
      onError: () => void calls.onError++,
      onClose: () => void calls.onClose++,
    });
    await listener.start();
    const clients = Array.from({ length: net.random.integer(1, 4) }, () => talk(net));
    await Promise.all(clients);
    const stopped = await listener.gracefulStop({ deadlineInMillis: 600_000 });
    ensure(calls.onConnect === calls.onClose, `${calls.onConnect} begun, ${calls.onClose} ended`);
    ensure(listener.connections.size === 0, "connections are left after the stop");
    if (!isGentle(net)) return;
    ensure(calls.onConnect === clients.length, `${calls.onConnect} of ${clients.length} came`);
    ensure(calls.onError === 0, `${calls.onError} errors on a gentle network`);
    ensure(stopped.aborted === 0, `${stopped.aborted} connections were cut`);
  },
};

async function talk(net: SimulatedNetwork): Promise<void> {
  await net.delay(net.random.integer(0, 500));
  const client = await survives(
    net,
    dial(net, "client", { host: "server", port: 7 }),
  );
  if (client === undefined) return;
  const sent = net.random.bytes(net.random.integer(1, 3000));
  const [got] = await Promise.all([
    survivors(net, client, sent.length),
    survives(net, send(net, client, sent)),
  ]);
  ensureArrived(net, "echo", got, sent);
  await client.close();
  const error = await client.closed;
  ensure(error === undefined || !isGentle(net), `closed told ${error?.message}`);
}

async function send(net: SimulatedNetwork, client: Client, content: Uint8Array): Promise<void> {
  const writes = [];
  for (const piece of pieces(net, content, net.random.pick([5, 100, 3000]))) {
    const write = client.write(piece);
    write.catch(() => {}); // Awaited below, or not at all where the first one fails.
    writes.push(write);
    if (net.random.chance(0.3)) await write;
    if (net.random.chance(0.1)) await net.delay(net.random.integer(0, 300));
  }
  await Promise.all(writes);
  if (net.random.chance(0.5)) await client.shutdownWrite();
}

/** Reads that many bytes, or what comes before the connection dies. */
async function survivors(
  net: SimulatedNetwork,
  client: Client,
  length: number,
): Promise<Uint8Array> {
  const got = new Growing();
  while (got.length < length) {
    const read = await survives(net, client.read());
    if (read === undefined || read[1] < 0) break;
    got.add(read[0]);
  }
  return got.bytes;
}
