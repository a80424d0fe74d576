// Ten thousand connections, each of which says something now and then.

import type { Scenario } from "../scenario.ts";
import { many, slowest, USUAL_ALLOWANCE } from "../words.ts";

const CONNECTIONS = 10_000;
const AT_ONCE = 200;

export const crowded: Scenario = {
  name: "crowded",
  title: "10,000 connections open, all of which talk; then a stop",
  listeners: [{}],
  async load(crowd) {
    const count = Math.min(Math.round(CONNECTIONS * crowd.scale), crowd.descriptors - 200);
    crowd.count("connections", count);
    const visits: Promise<void>[] = [];
    const lengths = [1, 2_048] as const;
    for (let made = 0; made < count;) {
      // No more at once than the backlog holds: whoever does not fit into it tries again late.
      const welcomes: Promise<void>[] = [];
      for (let i = 0; i < AT_ONCE && made < count; i++, made++) {
        const { promise, resolve } = Promise.withResolvers<void>();
        welcomes.push(promise);
        const visit = crowd.visit({ lengths, restInMillis: 8_000, onWelcome: resolve });
        visits.push(visit.finally(resolve));
      }
      await Promise.all(welcomes);
    }
    crowd.complete();
    await Promise.all(visits);
  },
  allowance: { ...USUAL_ALLOWANCE, during: 16 * 2 ** 20, resident: 96 * 2 ** 20 },
  judge({ completed, aborted }, { counts: { connections = 0 } }) {
    return completed === connections && aborted === 0
      ? []
      : [`of ${connections} open connections ${completed} completed, ${aborted} were cut`];
  },
  amount: ({ completed, stopMillis }, clients) =>
    `${many(clients.counts.connections)} connections, ${many(clients.counts.messages)} messages; ` +
    `the stop ended ${many(completed)} in ${many(stopMillis)} ms; ${slowest(clients)}`,
};
