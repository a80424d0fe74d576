// In which order the places of a service are tried (RFC 2782): by priority, and by chance where that is the same.

import type { ServiceRecord } from "./network.ts";

/** How many are tried at most: an answer of a name server may have hundreds. */
const MOST = 32;

/**
 * Puts records in the order in which they are tried.
 *
 * @param records In any order.
 * @param random A number from 0 to 1 (exclusive) at each call.
 */
export function inServiceOrder(
  records: readonly ServiceRecord[],
  random: () => number = Math.random,
): readonly ServiceRecord[] {
  const ordered: ServiceRecord[] = [];
  const byPriority = Map.groupBy(records, ({ priority }) => priority);
  for (const priority of [...byPriority.keys()].sort((a, b) => a - b)) {
    // Those without weight come first, so that they have a small chance beside the others.
    const left = byPriority.get(priority)!.toSorted((a, b) => a.weight - b.weight);
    while (left.length > 0 && ordered.length < MOST) {
      const sum = left.reduce((sum, { weight }) => sum + weight, 0);
      let mark = Math.floor(random() * (sum + 1));
      const at = left.findIndex(({ weight }) => (mark -= weight) <= 0);
      ordered.push(...left.splice(at, 1));
    }
  }
  return ordered;
}
