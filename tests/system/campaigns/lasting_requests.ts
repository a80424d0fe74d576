// Requests through a client that redials, to a server that restarts, is slow, pushes, and loses its connections.

import { ReconnectingClient, RequestError, Requests } from "../../../clients.ts";
import type { Codec } from "../../../codec.ts";
import { framedService, Listener, mapCodec, NetstringCodec } from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, ensure, isGentle } from "./campaign.ts";

const PORT = 6379;
const decoder = new TextDecoder();
/** With lengths: a reset may look like an end, and half of a line like one. */
const codec: Codec<string> = mapCodec(new NetstringCodec(), {
  decode: (bytes: Uint8Array) => decoder.decode(bytes),
  encode: (text: string) => text,
});
const GIVEN_UP = new Error("given up");

/** What became of a request. */
interface Fate {
  readonly key: string;
  readonly mayRepeat: boolean;
  settled: number;
  answer?: string;
  error?: unknown;
}

/**
 * Every request settles once. An answer is its own. What may not be repeated is handled once at most, and what has
 * failed with nothing gone out was never handled.
 */
export const lastingRequests: Campaign = {
  name: "lasting-requests",
  async run(net) {
    const handled = new Map<string, number>();
    const hasIds = net.random.chance(0.5);
    const listener = new Listener(PORT, {
      network: net.host("server"),
      closeTimeoutInMillis: 1000,
    });
    listener.attach(service(net, handled, hasIds));
    await listener.start();
    const client = new ReconnectingClient({
      host: "server",
      port: PORT,
      network: net.host("client"),
      connectTimeoutInMillis: 5_000,
      closeTimeoutInMillis: 1_000,
      redialDelayInMillis: net.random.pick([1, 100]),
      maxRedialDelayInMillis: 3_000,
      random: () => net.random.next(),
      onUp: net.random.chance(0.5) ? () => net.delay(net.random.integer(0, 50)) : () => {},
    });
    const requests = new Requests<string, string>(client, codec, {
      timeoutInMillis: 300_000,
      maxInFlight: net.random.pick([1, 3, 1_000]),
      isIdempotent: (message) => message.includes("twice"),
      isPush: (message) => message === "push",
      maxRepeats: 1_000,
      ping: hasIds ? (id) => `${id} twice ping` : "twice ping",
      pingInMillis: 2_000,
      closeTimeoutInMillis: 1_000,
      ...(hasIds ? { idOf: (line) => Number(line.split(" ")[0]) } : {}),
    });
    const trouble = disturb(net, listener);
    const fates: Promise<Fate>[] = [];
    for (let i = net.random.integer(1, 30); i > 0; i--) {
      fates.push(ask(net, requests, hasIds, i));
      if (net.random.chance(0.3)) await net.delay(net.random.integer(0, 500));
      if (net.random.chance(0.02)) client.redial();
    }
    const isEarly = net.random.chance(0.2);
    if (!isEarly) await Promise.all(fates);
    await requests.close();
    for (const fate of await Promise.all(fates)) check(fate, handled);
    const { inFlight, waiting } = requests.stats();
    ensure(inFlight + waiting === 0, `${inFlight} in flight and ${waiting} waiting after the end`);
    ensure(await client.closed === undefined, "closed tells an error after close");
    const restarts = await trouble;
    if (isGentle(net) && restarts === 0 && !isEarly) {
      const failed = (await Promise.all(fates)).find(({ error }) => isLost(error));
      ensure(failed === undefined, `request ${failed?.key} failed: ${failed?.error}`);
    }
    await listener.immediateStop();
  },
};

function isLost(error: unknown): boolean {
  return error instanceof RequestError && error.code !== "timed-out";
}

/** Restarts the server now and then. Gives how often. */
async function disturb(net: SimulatedNetwork, listener: Listener): Promise<number> {
  const restarts = net.random.pick([0, 0, 1, 3]);
  for (let i = 0; i < restarts; i++) {
    await net.delay(net.random.integer(0, 5_000));
    if (net.random.chance(0.3)) await listener.immediateStop();
    else await listener.gracefulStop({ deadlineInMillis: net.random.pick([1, 100, 2_000]) });
    await net.delay(net.random.integer(0, 2_000));
    await listener.start();
  }
  return restarts;
}

function service(net: SimulatedNetwork, handled: Map<string, number>, hasIds: boolean) {
  const slowness = net.random.pick([0, 20, 1_000]);
  return framedService<string, string>(codec, {
    onMessage(caller, line) {
      const key = hasIds ? line.slice(line.indexOf(" ") + 1) : line;
      handled.set(key, (handled.get(key) ?? 0) + 1);
      if (net.random.chance(0.1)) void caller.send("push");
      if (!isGentle(net) && net.random.chance(0.02)) caller.abort("enough");
      if (net.random.chance(0.05) && hasIds) void caller.send(`999999 nobody`);
      const isSlow = net.random.chance(0.3);
      const answer = `${line} done`;
      if (!isSlow) return answer;
      const later = net.delay(net.random.integer(0, slowness)).then(() => answer);
      // With ids, others may be answered first.
      if (!hasIds) return later;
      void later.then((answer) => caller.send(answer)).catch(() => {});
      return undefined;
    },
    onError() {},
  });
}

async function ask(
  net: SimulatedNetwork,
  requests: Requests<string, string>,
  hasIds: boolean,
  number: number,
): Promise<Fate> {
  const mayRepeat = net.random.chance(0.4);
  const fate: Fate = { key: `${mayRepeat ? "twice" : "once"} ${number}`, mayRepeat, settled: 0 };
  const { key } = fate;
  const controller = new AbortController();
  const isAborted = net.random.chance(0.1);
  if (isAborted) void net.delay(net.random.integer(0, 300)).then(() => controller.abort(GIVEN_UP));
  const message = hasIds ? (id: number) => `${id} ${key}` : key;
  const asked = requests.send(message, {
    ...(isAborted ? { signal: controller.signal } : {}),
    ...(net.random.chance(0.2) ? { timeoutInMillis: net.random.pick([1, 100, 3_000]) } : {}),
  });
  await asked.then((answer) => {
    fate.settled++;
    fate.answer = answer;
  }, (error) => {
    fate.settled++;
    fate.error = error;
  });
  return fate;
}

function check({ key, mayRepeat, settled, answer, error }: Fate, handled: Map<string, number>) {
  const times = handled.get(key) ?? 0;
  ensure(settled === 1, `request ${key} settled ${settled} times`);
  ensure(mayRepeat || times <= 1, `request ${key} was handled ${times} times`);
  if (answer !== undefined) {
    ensure(answer.endsWith(`${key} done`), `request ${key} got ${answer}`);
    ensure(times > 0, `request ${key} was answered and not handled`);
  } else if (error instanceof RequestError) {
    ensure(error.hasLeft || mayRepeat || times === 0, `request ${key}: ${error.message}`);
  } else {
    ensure(error === GIVEN_UP, `request ${key} failed with ${error}`);
  }
}
