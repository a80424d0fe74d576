// A hundred clients that lose their server at one moment.

import { ReconnectingClient, type Setback } from "../../../clients.ts";
import { Listener } from "../../../mod.ts";
import { type Campaign, ensure, promptFaults } from "./campaign.ts";

const DELAY_IN_MILLIS = 10_000;

/** They come back at random moments of the interval, and all of them come back. */
export const redials: Campaign = {
  name: "redials",
  faults: (random) => ({ ...promptFaults(random), acceptFailures: 0 }),
  async run(net) {
    // A hundred take a while.
    const isHerd = net.random.chance(0.05);
    const count = isHerd ? 100 : 5;
    const listener = new Listener(80, { network: net.host("server") });
    await listener.serve(async (caller) => {
      for await (const _ of caller);
    });
    const setbacks: Setback[] = [];
    const allDown = Promise.withResolvers<void>();
    const clients = Array.from({ length: count }, () =>
      new ReconnectingClient({
        host: "server",
        port: 80,
        network: net.host("client"),
        redialDelayInMillis: DELAY_IN_MILLIS,
        maxRedialDelayInMillis: DELAY_IN_MILLIS,
        stableAfterInMillis: 1,
        closeTimeoutInMillis: 100,
        random: () => net.random.next(),
        onDown: (setback) => {
          if (setbacks.push(setback) === count) allDown.resolve();
        },
      }));
    await Promise.all(clients.map((client) => client.ready()));
    await net.delay(100);
    if (net.random.chance(0.5)) await listener.gracefulStop({ deadlineInMillis: 1_000 });
    else await listener.immediateStop();
    await allDown.promise;
    await listener.start();
    const up = await Promise.all(clients.map((client) => client.ready()));
    ensure(new Set(up).size === count, "not all came back");
    // In each fifth of the interval twenty are expected; none, or 45, come once in a hundred million times.
    const fifths = Array<number>(5).fill(0);
    for (const { nextInMillis } of setbacks.slice(0, count)) {
      fifths[Math.floor(nextInMillis / DELAY_IN_MILLIS * 5)]!++;
    }
    const isSpread = fifths.every((share) => share > 0 && share < 45);
    ensure(!isHerd || isSpread, `they redial in herds: ${fifths}`);
    await Promise.all(clients.map((client) => client.close()));
    await listener.immediateStop();
  },
};
