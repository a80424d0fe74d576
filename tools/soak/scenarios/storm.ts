// Connections that are reset at once, with a message half sent, or with an answer unread.

import { connect } from "node:net";
import { contentOf, THROWN } from "../content.ts";
import { type Crowd, randomFrom } from "../crowd.ts";
import type { Scenario } from "../scenario.ts";
import { many, slowest, USUAL_ALLOWANCE } from "../words.ts";

const STORMERS = 40;
const OTHERS = 20;

/** Connects and resets. */
function reset(crowd: Crowd): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stream = THROWN + randomFrom(0, 999_999);
  const when = randomFrom(0, 2);
  const socket = connect(crowd.port(), "127.0.0.1", () => {
    if (when === 0) socket.resetAndDestroy();
    else if (when === 1) {
      socket.write(contentOf(stream, 0, randomFrom(1, 100_000)));
      socket.resetAndDestroy();
    } else {
      socket.write(contentOf(stream, 0, 10_000));
      socket.once("readable", () => socket.resetAndDestroy());
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    crowd.count("resets");
    resolve();
  });
  return promise;
}

export const storm: Scenario = {
  name: "storm",
  title: "Connections reset at once, in the middle of a message, or with an answer unread",
  listeners: [{}],
  async load(crowd) {
    crowd.completeAt(OTHERS);
    await Promise.all([
      crowd.again(STORMERS, () => reset(crowd)),
      crowd.again(OTHERS, () => crowd.visit({ messages: 200 })),
    ]);
  },
  allowance: USUAL_ALLOWANCE,
  judge: (_, { counts }) => (counts.resets ?? 0) < 100 ? ["there was no storm"] : [],
  amount: (_, clients) => `${many(clients.counts.resets)} resets, ${slowest(clients)}`,
};
