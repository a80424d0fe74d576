// The last message of each topic, for those who come later: a part of mqtt_hub.ts.

import type { Message } from "./mqtt_packets.ts";

const MOST_RETAINED = 1_000;
const LONGEST_RETAINED = 16 * 1024; // its topic and its payload
/** The one set last is the last, each with whose it is: a connection's number. */
export const retained = new Map<string, Message & { owner: number }>();

/**
 * Keeps the last message of a topic for those who come later; an empty or long one only removes it. Where there is no
 * room, who has the most of all loses the oldest: whoever fills the broker shuts nobody else out.
 */
export function retain(owner: number, message: Message): void {
  const { topic, payload } = message;
  retained.delete(topic);
  if (payload.length === 0 || topic.length + payload.length > LONGEST_RETAINED) return;
  retained.set(topic, { ...message, payload: payload.slice(), owner });
  if (retained.size <= MOST_RETAINED) return;
  const shares = [...Map.groupBy(retained.values(), (kept) => kept.owner).values()];
  const [oldest] = shares.reduce((most, share) => share.length > most.length ? share : most);
  retained.delete(oldest!.topic);
}
