// Senders that let the server wait for the rest of a message for ever.

import { THROWN } from "../content.ts";
import { type Crowd, randomFrom } from "../crowd.ts";
import type { Scenario } from "../scenario.ts";
import { many, slowest, USUAL_ALLOWANCE } from "../words.ts";

const SLOW = 200;
const OTHERS = 20;
const RECORD_LENGTH = 1_024;

/** Sends a byte now and then until it is thrown out. */
async function dribble(crowd: Crowd): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: crowd.port() });
  crowd.count("slow senders");
  let isOut = false;
  const header = new DataView(new ArrayBuffer(4));
  header.setUint32(0, THROWN + randomFrom(0, 999_999));
  const reading = conn.read(new Uint8Array(1)).catch(() => null).finally(() => isOut = true);
  try {
    await conn.write(new Uint8Array(header.buffer));
    while (!isOut && !crowd.stopping.aborted) {
      await conn.write(Uint8Array.of(1));
      await crowd.rest(100);
    }
    if (isOut) crowd.count("thrown out");
    await conn.closeWrite();
  } catch {
    crowd.count("thrown out");
  }
  await reading;
}

export const slow: Scenario = {
  name: "slow",
  title: `${SLOW} slow senders at any time, a byte now and then, beside others`,
  listeners: [{
    recordLength: RECORD_LENGTH,
    config: { minBytesPerSecond: 500, minRateIntervalInMillis: 500 },
  }],
  async load(crowd) {
    crowd.completeAt(OTHERS);
    await Promise.all([
      crowd.again(SLOW, () => dribble(crowd)),
      crowd.again(OTHERS, () =>
        crowd.visit({
          messages: 200,
          lengths: [RECORD_LENGTH, 16 * RECORD_LENGTH],
          isEven: true,
        })),
    ]);
  },
  allowance: USUAL_ALLOWANCE,
  judge({ counts: { "slow-sender": thrownOut = 0 } }, { slowestMillis }) {
    const problems = [];
    if (thrownOut < SLOW / 2) problems.push(`only ${thrownOut} slow senders were thrown out`);
    if (slowestMillis > 1_000) problems.push(`an answer took ${slowestMillis} ms`);
    return problems;
  },
  amount: ({ counts }, clients) =>
    `${many(clients.counts["slow senders"])} slow senders, ${
      many(counts["slow-sender"])
    } of them ` +
    `thrown out, ${slowest(clients)}`,
};
