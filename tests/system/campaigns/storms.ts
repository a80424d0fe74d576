// A listener that is started and stopped again and again while clients come, talk and are cut.

import { Client, Listener, type ListenerConfig, type Service } from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, ensure } from "./campaign.ts";

const PORT = 25;
const LONGEST_CALL_IN_MILLIS = 2000;

/** Every start binds, every stop ends and reports the truth, every wait of every client ends. */
export const storms: Campaign = {
  name: "start-stop-storms",
  async run(net) {
    const server = net.host("server");
    if (net.random.chance(0.3)) server.descriptorLimit = net.random.integer(2, 5);
    const config: ListenerConfig = {
      network: server,
      backlog: net.random.pick([1, 3, 100]),
      idleTimeoutInMillis: 60_000,
    };
    const listener = new Listener(PORT, config);
    const counts = { begun: 0, ended: 0 };
    const isService = net.random.chance(0.7);
    if (isService) listener.attach(service(net, counts));
    let isOver = false;
    const clients = Array.from({ length: net.random.integer(1, 6) }, async () => {
      while (!isOver) {
        await visit(net);
        await net.delay(net.random.integer(1, 300));
      }
    });
    for (let round = net.random.integer(1, 5); round > 0; round--) {
      await startAndStop(net, listener, isService);
    }
    isOver = true;
    await Promise.all(clients);
    // A stop does not wait for the calls of those it cut.
    await net.delay(LONGEST_CALL_IN_MILLIS);
    const { begun, ended } = counts;
    ensure(begun === ended, `${begun} connections were begun, ${ended} ended`);
  },
};

function service(net: SimulatedNetwork, counts: { begun: number; ended: number }): Service {
  return {
    async onConnect(caller) {
      counts.begun++;
      if (net.random.chance(0.2)) await net.delay(net.random.integer(0, LONGEST_CALL_IN_MILLIS));
      if (net.random.chance(0.1)) caller.abort("enough of this one");
    },
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length > 0) await caller.write(bytes);
      if (net.random.chance(0.1)) void caller.close();
    },
    async onStop() {
      if (net.random.chance(0.3)) await net.delay(net.random.integer(0, LONGEST_CALL_IN_MILLIS));
      if (net.random.chance(0.1)) throw new Error("no last words");
    },
    onError() {},
    onClose: () => void counts.ended++,
  };
}

async function startAndStop(
  net: SimulatedNetwork,
  listener: Listener,
  isService: boolean,
): Promise<void> {
  const starting = listener.start();
  if (net.random.chance(0.2)) void listener.start();
  if (!isService || net.random.chance(0.8)) await starting;
  const iterating = isService ? undefined : iterate(net, listener);
  const { closed } = listener;
  if (net.random.chance(0.8)) await net.delay(net.random.integer(0, 1000));
  const deadlineInMillis = net.random.pick([1, 50, 5000]);
  if (net.random.chance(0.2)) listener.suspend();
  if (net.random.chance(0.5)) {
    void net.delay(net.random.integer(0, 900)).then(() => listener.resume());
  }
  const hurry = new AbortController();
  const acceptForInMillis = net.random.pick([0, 0, 20, 700]);
  const graceful = net.random.chance(0.7)
    ? listener.gracefulStop({ deadlineInMillis, acceptForInMillis, signal: hurry.signal })
    : undefined;
  if (net.random.chance(0.2)) {
    void net.delay(net.random.integer(0, 800)).then(() => hurry.abort());
  }
  if (net.random.chance(0.3)) await net.delay(net.random.integer(0, 60));
  if (graceful === undefined || net.random.chance(0.2)) await listener.immediateStop();
  await graceful;
  ensure(listener.connections.size === 0, "connections are left after a stop");
  ensure(await closed === undefined, "closed tells an error after a stop");
  await iterating;
  if (net.random.chance(0.3)) await net.delay(net.random.integer(0, 500));
}

async function iterate(net: SimulatedNetwork, listener: Listener): Promise<void> {
  for await (const caller of listener) {
    // The stop ends those that are not closed here.
    const fate = net.random.integer(0, 3);
    if (fate === 0) void caller.close();
    else if (fate === 1) caller.abort("enough of this one");
  }
}

async function visit(net: SimulatedNetwork): Promise<void> {
  const controller = new AbortController();
  if (net.random.chance(0.2)) {
    void net.delay(net.random.integer(0, 100)).then(() =>
      controller.abort(new Error("changed my mind"))
    );
  }
  let client: Client;
  try {
    client = await Client.connect({
      host: "server",
      port: PORT,
      network: net.host("client"),
      connectTimeoutInMillis: net.random.pick([10, 1000, 30_000]),
      readTimeoutInMillis: 5000,
      signal: controller.signal,
    });
  } catch {
    return;
  }
  try {
    for (let turns = net.random.integer(0, 3); turns > 0; turns--) {
      const written = net.random.bytes(net.random.integer(1, 200));
      await client.write(written);
      const [bytes, length] = await client.read(written.length);
      ensure(bytes.every((byte, i) => byte === written[i]), `got other bytes, ${length} of them`);
    }
  } catch (error) {
    if (!("code" in (error as Error))) throw error;
  }
  if (net.random.chance(0.3)) client.abort();
  else await client.close();
}
