// Streams at full speed that either side cuts at any moment.

import type { Scenario } from "../scenario.ts";
import { many, USUAL_ALLOWANCE } from "../words.ts";

const STREAMS = 60;

export const cuts: Scenario = {
  name: "cuts",
  title: "Streams at full speed, cut by either side at any moment",
  listeners: [{ cuts: 0.005 }],
  async load(crowd) {
    crowd.completeAt(STREAMS);
    const common = { isAhead: true, lengths: [1, 65_536], messages: 100 } as const;
    await Promise.all([
      crowd.again(STREAMS / 2, () => crowd.visit({ ...common, cutsWithin: 3_000_000 })),
      crowd.again(STREAMS / 2, () => crowd.visit(common)),
    ]);
  },
  // Streams fill their buffers and queues to some extent at any moment.
  allowance: { ...USUAL_ALLOWANCE, during: 64 * 2 ** 20 },
  judge: ({ entries }) => entries.length < STREAMS ? ["too few streams"] : [],
  amount({ entries: ofServer }, { entries: ofClients }) {
    const isCut = (end: number) => end === 1;
    const byServer = ofServer.filter(([, , , , , end]) => isCut(end)).length;
    const byClients = ofClients.filter(([, , , , , end]) => isCut(end)).length;
    return `${many(byClients)} cut by the client, ${many(byServer)} by the server`;
  },
};
