// Peers that ask for much and read nothing, against each of the limits there are.

import { THROWN } from "../content.ts";
import { type Crowd, randomFrom } from "../crowd.ts";
import type { Scenario } from "../scenario.ts";
import { amountOf, many, slowest } from "../words.ts";

const DEAF = 20;
const OTHERS = 5;
const CEILING = 32 * 2 ** 20;
const LIMITS = [
  { pours: "un-awaited", config: { maxQueuedBytes: 2 ** 20 } },
  { pours: "un-awaited", config: { maxTotalQueuedBytes: CEILING, maxQueuedBytes: 2 ** 30 } },
  { pours: "awaited", config: { writeTimeoutInMillis: 500 } },
] as const;

/** Asks, never reads, and goes. */
async function staySilent(crowd: Crowd, to: number): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: crowd.port(to) });
  const header = new DataView(new ArrayBuffer(4));
  header.setUint32(0, THROWN + randomFrom(0, 999_999));
  await conn.write(new Uint8Array(header.buffer));
  crowd.count("deaf");
  await crowd.rest(3_000);
}

export const deaf: Scenario = {
  name: "deaf",
  title: "Peers that ask for endless answers and never read, beside others",
  listeners: LIMITS,
  async load(crowd) {
    crowd.completeAt(OTHERS * LIMITS.length);
    await Promise.all([...LIMITS.keys()].flatMap((to) => [
      crowd.again(DEAF, () => staySilent(crowd, to)),
      crowd.again(OTHERS, () => crowd.visit({ to, messages: 100 })),
    ]));
  },
  allowance: { after: 2 * 2 ** 20, during: 2 * CEILING, resident: 4 * CEILING },
  judge({ counts }) {
    const problems = [];
    const { "thrown: overflow": full = 0, "thrown: timed-out": late = 0 } = counts;
    if (full === 0) problems.push("none was ended for too much in its queue");
    if (late === 0) problems.push("none was ended for not reading in time");
    const { "queue-limit": ended = 0, "queued at most": queued = 0 } = counts;
    if (ended === 0) problems.push("the ceiling for all queues was not reached");
    if (queued > CEILING) problems.push(`${queued} bytes were queued, ${CEILING} are allowed`);
    return problems;
  },
  amount: ({ counts }, clients) =>
    `${many(clients.counts.deaf)} such peers, ${amountOf(counts.poured ?? 0)} written to them, ` +
    `${many(counts["thrown: overflow"])} ended by a limit, ${
      many(counts["thrown: timed-out"])
    } by ` +
    `the write timeout; ${slowest(clients)}`,
};
