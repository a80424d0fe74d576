// Requests and replies in frames of a length and a body, several under way at once, with readers who give up and
// come back.

import {
  type Caller,
  type Connection,
  Listener,
  ReadTimedOutError,
  type SocketError,
} from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, dial, ensure, isGentle, survives } from "./campaign.ts";

/** Every reply is whole, in order and its request's own, however often a read was given up on the way. */
export const requestReply: Campaign = {
  name: "request-reply",
  async run(net) {
    await using listener = new Listener(80, {
      network: net.host("server"),
      closeTimeoutInMillis: 600_000,
    });
    await listener.start();
    const serving = serveAll(net, listener);
    const clients = Array.from({ length: net.random.integer(1, 3) }, () => ask(net));
    await Promise.all(clients);
    await listener.gracefulStop({ deadlineInMillis: 600_000 });
    await serving;
  },
};

async function serveAll(net: SimulatedNetwork, listener: Listener): Promise<void> {
  const served: Promise<unknown>[] = [];
  for await (const caller of listener) {
    served.push((async () => {
      try {
        await survives(net, answer(net, caller));
      } catch (error) {
        // The listener was stopped while a request was waited for.
        if ((error as SocketError).code !== "closed") throw error;
      }
      await caller.close();
    })());
  }
  await Promise.all(served);
}

async function answer(net: SimulatedNetwork, caller: Caller): Promise<void> {
  for (;;) {
    const request = await readFrame(net, caller);
    if (request === undefined) return;
    if (net.random.chance(0.2)) await net.delay(net.random.integer(0, 200));
    const reply = request.slice();
    for (let i = 1; i < reply.length; i++) reply[i]! ^= 0x5a;
    const written = writeFrame(caller, reply);
    if (net.random.chance(0.5)) await written;
  }
}

async function ask(net: SimulatedNetwork): Promise<void> {
  await net.delay(net.random.integer(0, 200));
  const client = await survives(
    net,
    dial(net, "client", { host: "server", port: 80 }),
  );
  if (client === undefined) return;
  const requests = Array.from({ length: net.random.integer(1, 10) }, (_, number) => {
    const body = net.random.bytes(net.random.pick([1, 2, 30, 700]));
    body[0] = number;
    return body;
  });
  const asking = (async () => {
    for (const request of requests) {
      const written = writeFrame(client, request);
      written.catch(() => {}); // The connection reports it.
      if (net.random.chance(0.5)) await survives(net, written);
      if (net.random.chance(0.2)) await net.delay(net.random.integer(0, 200));
    }
  })();
  let answered = 0;
  for (const request of requests) {
    const reply = await survives(net, readFrame(net, client));
    if (reply === undefined) break;
    ensure(reply.length === request.length, `reply ${answered} has ${reply.length} bytes`);
    ensure(reply[0] === answered, `reply ${answered} is that of request ${reply[0]}`);
    ensure(reply.every((byte, i) => i === 0 || byte === (request[i]! ^ 0x5a)), "reply differs");
    answered++;
  }
  await asking;
  ensure(answered === requests.length || !isGentle(net), `${answered} of ${requests.length} came`);
  await client.close();
}

function writeFrame(to: Connection, body: Uint8Array): Promise<number> {
  const frame = new Uint8Array(2 + body.length);
  new DataView(frame.buffer).setUint16(0, body.length);
  frame.set(body, 2);
  return to.write(frame);
}

async function readFrame(
  net: SimulatedNetwork,
  from: Connection,
): Promise<Uint8Array | undefined> {
  const head = await readStubbornly(net, from, 2);
  if (head === undefined) return undefined;
  return await readStubbornly(net, from, (head[0]! << 8) | head[1]!);
}

/** Reads, gives up by a timeout or a signal, and reads again: nothing may be lost by that. */
async function readStubbornly(
  net: SimulatedNetwork,
  from: Connection,
  length: number,
): Promise<Uint8Array | undefined> {
  const reason = new Error("given up");
  for (let patience = 1;; patience = Math.min(patience * 2, 300_000)) {
    try {
      const [bytes, count] = net.random.chance(0.5)
        ? await from.read(length, { timeoutInMillis: patience })
        : await from.read(length, { signal: giveUpLater(net, patience, reason) });
      return count === length ? bytes : undefined;
    } catch (error) {
      if (!(error instanceof ReadTimedOutError) && error !== reason) throw error;
      // The peer is gone: the connection is half-open.
      if (patience === 300_000) throw error instanceof ReadTimedOutError ? error : gone();
    }
  }
}

function gone(): Error {
  return new ReadTimedOutError("Nothing came although the signal was patient");
}

function giveUpLater(net: SimulatedNetwork, delayInMillis: number, reason: Error): AbortSignal {
  const controller = new AbortController();
  void net.delay(delayInMillis).then(() => controller.abort(reason));
  return controller.signal;
}
