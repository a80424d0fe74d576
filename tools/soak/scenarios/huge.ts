// Messages of 16 MiB, each of them one read and one write.

import type { Scenario } from "../scenario.ts";
import { many, slowest } from "../words.ts";

const RECORD_LENGTH = 16 * 2 ** 20;
const CLIENTS = 4;

export const huge: Scenario = {
  name: "huge",
  title: "Writes of 16 to 64 MiB, sent back as they are",
  listeners: [{ recordLength: RECORD_LENGTH }],
  async load(crowd) {
    crowd.completeAt(CLIENTS);
    const lengths = [RECORD_LENGTH, 4 * RECORD_LENGTH] as const;
    await crowd.again(CLIENTS, () => crowd.visit({ messages: 3, lengths, isEven: true }));
  },
  // Some are under way at any moment, and each is kept twice.
  allowance: {
    after: 2 * 2 ** 20,
    during: CLIENTS * 10 * RECORD_LENGTH,
    resident: CLIENTS * 10 * RECORD_LENGTH,
  },
  amount: (_, clients) => `${many(clients.counts.messages)} writes, ${slowest(clients)}`,
};
