// Brings what is published to those who subscribed: a part of mqtt_broker.ts.

import type { Message, Reply, Wish } from "./mqtt_packets.ts";
import type { Session } from "./mqtt_session.ts";
import { FILTER, levelsOf, Topics } from "./mqtt_topics.ts";

const MOST_FILTERS = 100; // of one client
const MOST_RETAINED = 1_000;
const LONGEST_RETAINED = 16 * 1024;
const topics = new Topics<Session>();
const retained = new Map<string, Message>();

/** Sends a message to all who want it. Resolves when those who are slow have it, or are ended. */
export async function publish(message: Message): Promise<void> {
  if (message.retain) retain(message);
  const fresh = { ...message, retain: false };
  const wanted = [...topics.find(levelsOf(message.topic))];
  await Promise.all(wanted.map(([session, qos]) => session.deliver(fresh, qos)));
}

/** Keeps the last message of a topic for those who come later; an empty or long one only removes it. */
function retain(message: Message): void {
  const { topic, payload } = message;
  retained.delete(topic);
  if (payload.length === 0 || payload.length > LONGEST_RETAINED) return;
  if (retained.size < MOST_RETAINED) retained.set(topic, { ...message, payload: payload.slice() });
}

/** Says what is granted, then what is retained. */
export function* subscribe(session: Session, { id, filters }: Wish): Generator<Reply> {
  const wanted = new Topics<Session>();
  const codes = filters.map(([filter, qos]) => {
    if (session.filters.size >= MOST_FILTERS || !FILTER.test(filter)) return 0x80;
    session.filters.add(filter);
    for (const tree of [topics, wanted]) tree.add(session, levelsOf(filter), qos);
    return Math.min(qos, 1);
  });
  yield { type: "suback", id, payload: Uint8Array.from(codes) };
  for (const message of retained.values()) {
    const qos = wanted.find(levelsOf(message.topic)).get(session);
    if (qos !== undefined) yield session.packet(message, qos);
  }
}

/** Takes filters back. */
export function unsubscribe(session: Session, filters: Iterable<string>): void {
  for (const filter of filters) {
    if (session.filters.delete(filter)) topics.delete(session, levelsOf(filter));
  }
}
