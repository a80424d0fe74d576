// Clients, proxies and a server, of which a proxy is stopped at any moment. Every byte and every end is carried over,
// both ways; what was asked before the stop is answered.

import { type Caller, type Client, Listener, relay, type RelayReport } from "../../../mod.ts";
import { gentleFaults, hostileFaults, type SimulatedNetwork } from "../../../testing/mod.ts";
import {
  type Campaign,
  dial,
  ensure,
  ensureArrived,
  Growing,
  isGentle,
  pieces,
  promptFaults,
  survives,
} from "./campaign.ts";

const PORT = 8080;

/** No part of an answer comes later than that after the last one, where the network is gentle. */
const PATIENCE_IN_MILLIS = 600_000;

/** On the prompt networks: what was sent so long ago has arrived. */
const WAY_IN_MILLIS = 100;

/** What two proxies in a row carry, in any pieces, to peers that are slow in their ways. */
export const relays: Campaign = {
  name: "relays",
  faults: (random) => random.pick([promptFaults, gentleFaults, hostileFaults])(random),
  async run(net) {
    const reports: RelayReport[] = [];
    await using server = await listening(net, "server", (caller) => answer(net, caller));
    await using inner = await listening(net, "inner", async (caller) => {
      reports.push(...await passOn(net, caller, "inner", "server"));
    });
    await using outer = await listening(net, "outer", async (caller) => {
      reports.push(...await passOn(net, caller, "outer", "inner"));
    });
    const questions: Question[] = [];
    const asking = Array.from(
      { length: net.random.integer(1, 3) },
      async () => questions.push(await ask(net)),
    );
    let stoppedAt = Infinity;
    if (net.random.chance(0.5)) {
      await net.delay(net.random.integer(0, 1_000));
      stoppedAt = net.clock.now();
    } else {
      await Promise.all(asking);
    }
    await outer.gracefulStop({ deadlineInMillis: 10 * PATIENCE_IN_MILLIS });
    await Promise.all(asking);
    for (const { askedAt, isAnswered } of questions) {
      // What arrives late for another reason than the way cannot be told from what was sent late.
      const isInTime = stoppedAt === Infinity ||
        isPrompt(net) && askedAt + WAY_IN_MILLIS < stoppedAt;
      ensure(isAnswered || !isInTime || !isGentle(net), `what was asked at ${askedAt} is lost`);
    }
    for (const listener of [inner, server]) {
      await listener.gracefulStop({ deadlineInMillis: 10 * PATIENCE_IN_MILLIS });
    }
    for (const { end } of reports) {
      ensure(end.error === undefined || !isGentle(net), `a relay ended with ${end.error}`);
    }
    for (const listener of [outer, inner, server]) {
      ensure(listener.connections.size === 0, "connections are left after the stop");
    }
  },
};

/** What a client has sent, and when it had ended. */
interface Question {
  readonly askedAt: number;
  readonly isAnswered: boolean;
}

function isPrompt({ faults }: SimulatedNetwork): boolean {
  return faults.loss === 0 && faults.bytesPerSecond === Infinity && faults.latencyInMillis[1] <= 10;
}

async function listening(
  net: SimulatedNetwork,
  host: string,
  handle: (caller: Caller) => Promise<void>,
): Promise<Listener> {
  const listener = new Listener(PORT, { closeTimeoutInMillis: 600_000, network: net.host(host) });
  await listener.serve(async (caller) => void await survives(net, handle(caller)));
  return listener;
}

/** A proxy, with a report unless there was nobody to pass on to. */
async function passOn(
  net: SimulatedNetwork,
  caller: Caller,
  from: string,
  to: string,
): Promise<RelayReport[]> {
  let next: Client;
  try {
    next = await dial(net, from, { host: to, port: PORT });
  } catch (error) {
    caller.abort(error);
    throw error;
  }
  const report = await relay(caller, next, {
    idleTimeoutInMillis: net.random.pick([Infinity, 2 * PATIENCE_IN_MILLIS]),
    halfOpenTimeoutInMillis: net.random.pick([Infinity, 2 * PATIENCE_IN_MILLIS]),
  });
  ensure(report.there <= caller.bytesRead, "more has gone there than has come");
  ensure(report.back <= next.bytesRead, "more has gone back than has come");
  return [report];
}

/** Each byte is answered by another one, now or when all have come, and then the end. */
async function answer(net: SimulatedNetwork, caller: Caller): Promise<void> {
  const isLate = net.random.chance(0.3);
  const heard = new Growing();
  for await (const bytes of caller) {
    const answer = bytes.map((byte) => byte ^ 0x33);
    if (isLate) heard.add(answer);
    else await caller.write(answer);
    if (net.random.chance(0.1)) await net.delay(net.random.integer(0, 100));
  }
  if (isLate) await net.delay(net.random.integer(0, 10_000));
  for (const piece of pieces(net, heard.bytes, 1_000)) await caller.write(piece);
  await caller.shutdownWrite();
}

/** Asks in pieces, ends, and hears all that comes. */
async function ask(net: SimulatedNetwork): Promise<Question> {
  const client = await survives(net, dialIfOpen(net));
  if (client === undefined) return { askedAt: Infinity, isAnswered: false };
  const question = net.random.bytes(net.random.integer(1, 3_000));
  const got = new Growing();
  let askedAt = Infinity;
  const asking = async () => {
    for (const piece of pieces(net, question, net.random.pick([100, 1_000]))) {
      await client.write(piece);
    }
    await client.shutdownWrite();
    askedAt = net.clock.now();
  };
  const hearing = async () => {
    for await (const bytes of client) {
      got.add(bytes);
      if (net.random.chance(0.1)) await net.delay(net.random.integer(0, 100));
    }
  };
  // A stop may come in the middle of it.
  await Promise.allSettled([asking(), hearing()]);
  const answer = question.map((byte) => byte ^ 0x33).subarray(0, got.length);
  ensureArrived(net, "answer", got.bytes, answer);
  await client.close();
  return { askedAt, isAnswered: got.length === question.length };
}

/** A stopped proxy refuses: that is no failure. */
async function dialIfOpen(net: SimulatedNetwork): Promise<Client | undefined> {
  try {
    return await dial(net, "client", { host: "outer", port: PORT });
  } catch (error) {
    if ((error as { code?: string }).code === "unreachable") return undefined;
    throw error;
  }
}
