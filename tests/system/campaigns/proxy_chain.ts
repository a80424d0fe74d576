// A client, two proxies and a server in a row. Bytes and ends travel the whole chain, both ways.

import { type Caller, type Client, type Connection, Listener } from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, dial, ensureArrived, Growing, pieces, survives } from "./campaign.ts";

const PORT = 8080;
const CONFIG = {
  allowHalfOpen: true,
  idleTimeoutInMillis: 400_000,
  closeTimeoutInMillis: 600_000,
};

/** The answer, which comes while the question is still being asked, is whole; the end comes after it. */
export const proxyChain: Campaign = {
  name: "proxy-chain",
  async run(net) {
    await using server = await listening(net, "server", answer);
    await using inner = await listening(net, "inner", (caller) => relay(net, caller, "server"));
    await using outer = await listening(net, "outer", (caller) => relay(net, caller, "inner"));
    await Promise.all(Array.from({ length: net.random.integer(1, 2) }, () => ask(net)));
    for (const listener of [outer, inner, server]) await listener.stop();
  },
};

interface Running extends AsyncDisposable {
  stop(): Promise<void>;
}

/** A host that handles each of its connections, and has handled all of them when it has stopped. */
async function listening(
  net: SimulatedNetwork,
  host: string,
  handle: (caller: Caller) => Promise<void>,
): Promise<Running> {
  const listener = new Listener(PORT, { ...CONFIG, network: net.host(host) });
  await listener.start();
  const accepting = (async () => {
    const handled: Promise<unknown>[] = [];
    for await (const caller of listener) handled.push(survives(net, handle(caller)));
    await Promise.all(handled);
  })();
  const stop = async () => {
    await listener.gracefulStop({ deadlineInMillis: 600_000 });
    await accepting;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}

async function answer(caller: Caller): Promise<void> {
  try {
    for await (const bytes of caller) await caller.write(bytes.map((byte) => byte ^ 0x33));
    await caller.shutdownWrite();
  } finally {
    await caller.close();
  }
}

/** Connects onwards, and carries both directions until both have ended. */
async function relay(net: SimulatedNetwork, caller: Caller, onwards: string): Promise<void> {
  const from = onwards === "server" ? "inner" : "outer";
  let next: Client;
  try {
    next = await dial(net, from, { ...CONFIG, host: onwards, port: PORT });
  } catch (error) {
    caller.abort(error);
    throw error;
  }
  const carry = net.random.chance(0.5) ? carryByStream : carryByHand;
  const carried = [carry(caller, next), carry(next, caller)];
  try {
    await Promise.all(carried);
  } catch (error) {
    caller.abort(error);
    next.abort(error);
    await Promise.allSettled(carried);
    throw error;
  } finally {
    await Promise.all([caller.close(), next.close()]);
  }
}

async function carryByHand(from: Connection, to: Connection): Promise<void> {
  for await (const bytes of from) await to.write(bytes);
  await to.shutdownWrite();
}

function carryByStream(from: Connection, to: Connection): Promise<void> {
  return from.readable.pipeTo(to.writable);
}

async function ask(net: SimulatedNetwork): Promise<void> {
  const client = await survives(net, dial(net, "client", { ...CONFIG, host: "outer", port: PORT }));
  if (client === undefined) return;
  const question = net.random.bytes(net.random.integer(0, 2000));
  const got = new Growing();
  await Promise.all([
    survives(
      net,
      (async () => {
        for (const piece of pieces(net, question, 500)) await client.write(piece);
        await client.shutdownWrite();
      })(),
    ),
    survives(
      net,
      (async () => {
        for await (const bytes of client) got.add(bytes);
      })(),
    ),
  ]);
  ensureArrived(net, "answer", got.bytes, question.map((byte) => byte ^ 0x33));
  await client.close();
}
