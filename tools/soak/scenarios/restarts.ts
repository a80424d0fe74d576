// A server that stops and starts again all the time, on the same port.

import type { Listener } from "../../../mod.ts";
import type { Scenario } from "../scenario.ts";
import { many, USUAL_ALLOWANCE } from "../words.ts";

const CLIENTS = 50;

async function restart(listeners: readonly Listener[], signal: AbortSignal) {
  let restarts = 0;
  let completed = 0;
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const listener of listeners) {
      completed += (await listener.gracefulStop()).completed;
      await listener.start();
    }
    restarts++;
  }
  return { restarts, "completed by restarts": completed };
}

export const restarts: Scenario = {
  name: "restarts",
  title: "A graceful stop and a start on the same port, again and again, with clients at work",
  listeners: [{}],
  serverWork: restart,
  async load(crowd) {
    crowd.completeAt(CLIENTS);
    await Promise.all([
      crowd.again(CLIENTS / 2, () => crowd.visit({ isForbearing: true })),
      crowd.again(
        CLIENTS / 2,
        () => crowd.visit({ isForbearing: true, isAhead: true, lengths: [1, 65_536] }),
      ),
    ]);
  },
  // Streams fill their buffers and queues to some extent at any moment.
  allowance: { ...USUAL_ALLOWANCE, during: 64 * 2 ** 20 },
  judge: ({ counts }) => (counts.restarts ?? 0) < 3 ? ["there were no restarts"] : [],
  amount: ({ counts }) =>
    `${many(counts.restarts)} restarts, ${
      many(counts["completed by restarts"])
    } connections under ` +
    `way at one`,
};
