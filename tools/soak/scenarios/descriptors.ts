// Far more clients than the server's process has descriptors for.

import type { Scenario } from "../scenario.ts";
import { many, slowest, USUAL_ALLOWANCE } from "../words.ts";

const CLIENTS = 200;
const DESCRIPTORS = 64;

export const descriptors: Scenario = {
  name: "descriptors",
  title:
    `${CLIENTS} clients at any time, with ${DESCRIPTORS} descriptors for the server's whole process`,
  descriptors: DESCRIPTORS,
  listeners: [{}],
  async load(crowd) {
    crowd.completeAt(CLIENTS);
    await crowd.again(CLIENTS, () => crowd.visit({ messages: 5 }));
  },
  allowance: USUAL_ALLOWANCE,
  // More than ever fit at once: it went on when there was room again. How many more is a matter of time.
  judge: ({ entries }) => entries.length <= DESCRIPTORS ? ["it did not go on"] : [],
  amount: ({ entries }, clients) =>
    `${many(entries.length)} connections served, ${slowest(clients)}`,
};
