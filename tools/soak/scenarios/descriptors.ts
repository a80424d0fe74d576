// Far more clients than the server's process has descriptors for.

import type { Scenario } from "../scenario.ts";
import { many, slowest, USUAL_ALLOWANCE } from "../words.ts";

const CLIENTS = 200;

export const descriptors: Scenario = {
  name: "descriptors",
  title: `${CLIENTS} clients at any time, with 64 descriptors for the server's whole process`,
  descriptors: 64,
  listeners: [{}],
  async load(crowd) {
    crowd.completeAt(CLIENTS);
    await crowd.again(CLIENTS, () => crowd.visit({ messages: 5 }));
  },
  allowance: USUAL_ALLOWANCE,
  judge: ({ entries }) => entries.length < CLIENTS ? ["too few were served"] : [],
  amount: ({ entries }, clients) =>
    `${many(entries.length)} connections served, ${slowest(clients)}`,
};
