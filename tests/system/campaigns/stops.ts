// A server that is stopped at any moment: what had arrived by then is answered, or reported as cut.

import {
  type Caller,
  Client,
  framed,
  framedService,
  LineCodec,
  Listener,
  type SocketError,
  type StopReport,
  UdpClient,
  UdpListener,
} from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, ensure, promptFaults } from "./campaign.ts";

/** How long a program may be busy before it notices what has arrived. */
const LONGEST_BUSY_TURN_IN_MILLIS = 10;

/** What a service says in `onStop`. */
const FAREWELL = "bye";

const decoder = new TextDecoder();

/** A request that was sent: by which client, when it had arrived at the latest, and whether it was answered. */
interface Request {
  readonly port: number;
  readonly isThereBy: number;
  isAnswered: boolean;
}

/** Each request that had arrived when a stop was asked for is answered, or its sender is in the report. */
export const stops: Campaign = {
  name: "stops",
  // A delay for another reason than travel looks like a late send.
  faults: (random) => ({ ...promptFaults(random), duplicates: 0, reordering: 0 }),
  async run(net) {
    const network = net.host("server");
    const isDatagrams = net.random.chance(0.25);
    const slowness = net.random.pick([0, 0, 3, 30]);
    const listener = isDatagrams
      ? new UdpListener(80, { network })
      : new Listener(80, { network, maxConnections: net.random.pick([1, 2, Infinity]) });
    await listener.start();
    const serving = listener instanceof Listener
      ? serveStreams(net, listener, slowness)
      : serveDatagrams(net, listener, slowness);
    const requests: Request[] = [];
    const asking = Array.from(
      { length: net.random.integer(1, 6) },
      () => isDatagrams ? askByDatagrams(net, requests) : askByStream(net, requests),
    );
    const pausing = pause(net, listener);
    await net.delay(net.random.integer(0, 60));
    const acceptForInMillis = net.random.pick([0, 0, 7, 50]);
    const asked = net.clock.now() + acceptForInMillis;
    const stopping = listener.gracefulStop({
      acceptForInMillis,
      // A connection that the system does not hand out within the deadline cannot be named.
      deadlineInMillis: net.random.pick(
        net.faults.acceptFailures > 0 ? [100_000] : [1, 20, 100_000],
      ),
    });
    ensure(listener.stopping.aborted, "a stop was asked for, and not announced");
    const report = await stopping;
    await Promise.all([...asking, pausing]);
    await serving;
    ensureAccounted(requests.filter(({ isThereBy }) => isThereBy < asked), report);
  },
};

/** Suspends and resumes at any moment, before the stop and during it. */
async function pause(net: SimulatedNetwork, listener: Listener | UdpListener): Promise<void> {
  if (net.random.chance(0.5)) return;
  for (let rounds = net.random.integer(1, 6); rounds > 0; rounds--) {
    await net.delay(net.random.integer(0, 30));
    if (net.random.chance(0.6)) listener.suspend();
    else listener.resume();
  }
}

/** Ensures that calls for one connection never overlap, and that the last words are said once. */
class Calls {
  #isCalling = false;
  #hasParted = false;

  async during(call: () => Promise<void> | undefined): Promise<void> {
    ensure(!this.#isCalling, "two calls for one connection overlap");
    this.#isCalling = true;
    await call();
    this.#isCalling = false;
  }

  part(): void {
    ensure(!this.#hasParted, "onStop was called twice");
    this.#hasParted = true;
  }
}

function ensureAccounted(requests: readonly Request[], { cut }: StopReport): void {
  const named = new Set(cut.map(({ remotePort }) => remotePort));
  for (const { port, isAnswered, isThereBy } of requests) {
    const what = `the request that had come from :${port} by ${isThereBy}`;
    ensure(isAnswered || named.has(port), `${what} was neither answered nor named`);
  }
}

/** Serves an echo of lines in one of the ways that there are. Resolves when the serving is over. */
function serveStreams(
  net: SimulatedNetwork,
  listener: Listener,
  slowness: number,
): Promise<unknown> {
  const think = () => slowness === 0 ? undefined : net.delay(net.random.next() * slowness);
  const loop = async (caller: Caller) => {
    const lines = framed(caller, new LineCodec());
    try {
      for await (const line of lines) {
        await think();
        await lines.send(line);
      }
    } catch { /* its end */ }
  };
  const way = net.random.integer(0, 6);
  if (way === 0) {
    listener.attach(framedService(new LineCodec(), {
      onConnect: () => ensure(!isHeld(listener), "a caller came while accepting was suspended"),
      async onMessage(_caller, line) {
        await think();
        return line;
      },
    }));
  } else if (way === 5) {
    listener.attach(() => {
      const calls = new Calls();
      return framedService(new LineCodec(), {
        async onMessage(caller, line) {
          await calls.during(think);
          await caller.send(line);
        },
        async onStop(caller) {
          calls.part();
          await calls.during(think);
          void caller.send(FAREWELL);
          if (net.random.chance(0.5)) await calls.during(think);
        },
      });
    });
  } else if (way === 6) {
    void listener.serve(loop, {
      async onStop(caller) {
        await think();
        void caller.write(`${FAREWELL}\n`);
      },
    });
  } else if (way === 1) {
    listener.attach(framedService(new LineCodec(), { onMessage: (_caller, line) => line }));
  } else if (way === 2) {
    listener.attach({ onConnect: loop });
  } else {
    return (async () => {
      const serving: Promise<void>[] = [];
      for await (const caller of listener) {
        const served = loop(caller).finally(() => caller.close());
        serving.push(served);
        if (way === 4) await served;
      }
      await Promise.all(serving);
    })();
  }
  return Promise.resolve();
}

/** Whether nobody may be handed out: it is suspended, and no stop lets in those who wait. */
function isHeld(listener: Listener): boolean {
  return listener.isSuspended && !listener.stopping.aborted;
}

function serveDatagrams(
  net: SimulatedNetwork,
  listener: UdpListener,
  slowness: number,
): Promise<unknown> {
  const think = () => slowness === 0 ? undefined : net.delay(net.random.next() * slowness);
  if (net.random.chance(0.3)) {
    listener.attach(() => {
      const calls = new Calls();
      return {
        async onDatagram(_, { data }) {
          await calls.during(think);
          return data;
        },
        async onStop(session) {
          calls.part();
          await calls.during(think);
          void session.write(FAREWELL);
        },
      };
    });
    return Promise.resolve();
  }
  if (net.random.chance(0.5)) {
    listener.attach({
      async onDatagram(_, { data }) {
        await think();
        return data;
      },
    });
    return Promise.resolve();
  }
  return (async () => {
    for await (const [caller, { data }] of listener) {
      await think();
      await caller.sendBytes(data).catch(() => {});
    }
  })();
}

/** When everything that the system has taken by now has arrived. */
function isThereBy(net: SimulatedNetwork): number {
  return net.clock.now() + net.faults.latencyInMillis[1] + LONGEST_BUSY_TURN_IN_MILLIS;
}

async function askByStream(net: SimulatedNetwork, requests: Request[]): Promise<void> {
  await net.delay(net.random.integer(0, 40));
  let client;
  try {
    client = await Client.connect({ host: "server", port: 80, network: net.host("client") });
  } catch (error) {
    ensure((error as SocketError).code === "unreachable", `${error}`);
    return;
  }
  const { localPort: port } = client;
  const sent: Request[] = [];
  const asking = (async () => {
    const many = net.random.integer(1, 5);
    for (let i = 0; i < many; i++) {
      try {
        await client.write(`${port} ${i}\n`);
      } catch {
        return;
      }
      const request = { port, isThereBy: isThereBy(net), isAnswered: false };
      sent.push(request);
      requests.push(request);
      if (net.random.chance(0.5)) await net.delay(net.random.integer(0, 20));
    }
    if (net.random.chance(0.3)) await client.shutdownWrite().catch(() => {});
  })();
  try {
    for (let i = 0;; i++) {
      const line = await client.readLine();
      if (line === undefined) break;
      if (line !== "" && FAREWELL.startsWith(line)) {
        // It may go on with what arrived meanwhile.
        i--;
        continue;
      }
      const expected = `${port} ${i}`;
      // Cut at the deadline, in the middle of an answer.
      if (line !== expected && expected.startsWith(line)) break;
      ensure(line === expected, `${line} came, not ${expected}`);
      // Its write may not have completed yet.
      if (sent[i] === undefined) await asking;
      sent[i]!.isAnswered = true;
    }
  } catch (error) {
    ensure((error as SocketError).code === "broken", `${error}`);
  }
  await client.close();
  await asking;
}

async function askByDatagrams(net: SimulatedNetwork, requests: Request[]): Promise<void> {
  await net.delay(net.random.integer(0, 40));
  const client = new UdpClient(undefined, {
    network: net.host("client"),
    remoteHost: "server",
    remotePort: 80,
  });
  const { port } = await client.bound;
  const many = net.random.integer(1, 4);
  const sent = new Map<string, Request>();
  for (let i = 0; i < many; i++) {
    const request = { port, isThereBy: 0, isAnswered: false };
    sent.set(`${i}`, request);
    await client.write(`${i}`);
    request.isThereBy = isThereBy(net);
    requests.push(request);
    if (net.random.chance(0.5)) await net.delay(net.random.integer(0, 20));
  }
  try {
    for (;;) {
      const [bytes] = await client.read(undefined, { timeoutInMillis: 300 });
      const text = decoder.decode(bytes);
      if (text !== FAREWELL) sent.get(text)!.isAnswered = true;
    }
  } catch (error) {
    ensure((error as SocketError).code === "timed-out", `${error}`);
  }
  await client.close();
}
