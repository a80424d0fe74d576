// Users who share the connections of a pool, with a server that restarts and connections that die.

import { ClientPool } from "../../../clients.ts";
import { type Client, Listener, type SocketError } from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, ensure, isGentle } from "./campaign.ts";

/** No connection is lent to two, no more are made than allowed, those who wait get theirs in order, none waits for ever. */
export const clientPools: Campaign = {
  name: "client-pools",
  async run(net) {
    const listener = new Listener(80, { network: net.host("server"), closeTimeoutInMillis: 1_000 });
    await listener.serve(async (caller) => {
      for await (const bytes of caller) {
        if (net.random.chance(0.2)) await net.delay(net.random.integer(0, 50));
        await caller.write(bytes);
      }
    }, { onError() {} });
    const maxClients = net.random.integer(1, 5);
    const pool = new ClientPool({
      host: "server",
      port: 80,
      network: net.host("client"),
      connectTimeoutInMillis: 5_000,
      closeTimeoutInMillis: 1_000,
    }, {
      maxClients,
      redialDelayInMillis: 50,
      maxRedialDelayInMillis: 1_000,
      idleTimeoutInMillis: net.random.pick([20, 5_000, Infinity]),
      acquireTimeoutInMillis: net.random.pick([200, 600_000]),
      onConnect: async (client) => {
        if (net.random.chance(0.2)) await net.delay(net.random.integer(0, 30));
        return { client };
      },
      random: () => net.random.next(),
      ...(net.random.chance(0.5) ? { isHealthy: (client) => echoes(client, "?") } : {}),
    });
    const inUse = new Set<Client>();
    const order = { last: Infinity };
    const restarting = restart(net, listener);
    const users: Promise<void>[] = [];
    for (let i = net.random.integer(1, 30); i > 0; i--) {
      users.push(converse(net, pool, inUse, maxClients, i, order));
      if (net.random.chance(0.3)) await net.delay(net.random.integer(0, 100));
    }
    if (net.random.chance(0.8)) await Promise.all(users);
    await pool.close({ deadlineInMillis: 100 });
    await Promise.all(users);
    const { idle, leased, preparing, waiting } = pool.stats();
    ensure(idle + leased + preparing + waiting === 0, `left: ${JSON.stringify(pool.stats())}`);
    await restarting;
    await listener.immediateStop();
  },
};

async function echoes(client: Client, text: string): Promise<boolean> {
  await client.write(text);
  const [bytes] = await client.read(text.length, { timeoutInMillis: 5_000 });
  const answer = new TextDecoder().decode(bytes);
  ensure(text.startsWith(answer), `the answer to ${text} is ${answer}`);
  return answer === text;
}

async function restart(net: SimulatedNetwork, listener: Listener): Promise<void> {
  if (isGentle(net)) return;
  for (let i = net.random.integer(0, 2); i > 0; i--) {
    await net.delay(net.random.integer(0, 2_000));
    await listener.gracefulStop({ deadlineInMillis: 50 });
    await net.delay(net.random.integer(0, 500));
    await listener.start();
  }
}

async function converse(
  net: SimulatedNetwork,
  pool: ClientPool<{ client: Client }>,
  inUse: Set<Client>,
  maxClients: number,
  number: number,
  order: { last: number },
): Promise<void> {
  const controller = new AbortController();
  if (net.random.chance(0.1)) {
    void net.delay(net.random.integer(0, 100)).then(() => controller.abort(new Error("no more")));
  }
  try {
    await pool.use(async (client, session) => {
      ensure(session.client === client, "the session is another connection's");
      ensure(number < order.last, `${number} came before ${order.last} and was served after it`);
      order.last = number;
      ensure(!inUse.has(client), "a connection is lent to two");
      inUse.add(client);
      ensure(inUse.size <= maxClients, `${inUse.size} connections are lent`);
      try {
        for (let i = net.random.integer(0, 3); i > 0; i--) {
          if (!await echoes(client, `<${number}:${i}>`)) throw new Error("no more");
          if (net.random.chance(0.2)) await net.delay(net.random.integer(0, 100));
        }
        if (net.random.chance(0.1)) {
          // In the middle of a conversation: its answer must reach nobody.
          void client.write("lost");
          throw new Error("no more");
        }
      } finally {
        inUse.delete(client);
      }
    }, { signal: controller.signal });
  } catch (error) {
    const { code, message } = error as SocketError;
    const isExpected = ["broken", "timed-out", "closed", "aborted"].includes(code);
    if (message !== "no more" && !isExpected) throw error;
  }
}
