// Brings what is published to those who subscribed, and keeps what is retained: a part of mqtt_broker.ts.

import type { Message, Reply, Wish } from "./mqtt_packets.ts";
import type { Session } from "./mqtt_session.ts";
import { FILTER, levelsOf, Topics } from "./mqtt_topics.ts";

const MOST_FILTERS = 100; // of one client
const MOST_RETAINED = 1_000;
const LONGEST_RETAINED = 16 * 1024; // its topic and its payload
const topics = new Topics<Session>();
/** The one set last is the last, each with whose it is: a connection's number. */
const retained = new Map<string, Message & { owner: number }>();

/** A search has many filters to look at, or many messages: between its steps others have their turn. */
const STEP: Reply = { type: "nothing" };

function* find(tree: Topics<Session>, topic: string): Generator<Reply, Map<Session, number>> {
  const search = tree.find(levelsOf(topic));
  let result = search.next();
  for (; !result.done; result = search.next()) yield STEP;
  return result.value;
}

/** Sends a message of a client to all who want it. Those who are slow are left behind: nobody waits. */
export function* publish({ caller }: Session, message: Message, id = 0): Generator<Reply> {
  if (message.retain) retain(caller.id, message);
  const fresh = { ...message, retain: false };
  for (const [session, qos] of yield* find(topics, message.topic)) session.deliver(fresh, qos);
  if (id > 0) yield { type: "puback", id };
}

/**
 * Keeps the last message of a topic for those who come later; an empty or long one only removes it. Where there is no
 * room, who has the most of all loses the oldest: whoever fills the broker shuts nobody else out.
 */
function retain(owner: number, message: Message): void {
  const { topic, payload } = message;
  retained.delete(topic);
  if (payload.length === 0 || topic.length + payload.length > LONGEST_RETAINED) return;
  retained.set(topic, { ...message, payload: payload.slice(), owner });
  if (retained.size <= MOST_RETAINED) return;
  const shares = [...Map.groupBy(retained.values(), (kept) => kept.owner).values()];
  const [oldest] = shares.reduce((most, share) => share.length > most.length ? share : most);
  retained.delete(oldest!.topic);
}

/** Says what is granted, then what is retained. */
export function* subscribe(session: Session, { id, filters }: Wish): Generator<Reply> {
  const wanted = new Topics<Session>();
  const codes = filters.map(([filter, qos]) => {
    const isFull = session.filters.size >= MOST_FILTERS && !session.filters.has(filter);
    if (isFull || !FILTER.test(filter)) return 0x80;
    session.filters.add(filter);
    for (const tree of [topics, wanted]) tree.add(session, levelsOf(filter), qos);
    return Math.min(qos, 1);
  });
  yield { type: "suback", id, payload: Uint8Array.from(codes) };
  // As many as there are now: who publishes them again and again does not keep it here.
  for (const message of retained.values().take(retained.size)) {
    const qos = (yield* find(wanted, message.topic)).get(session);
    yield qos === undefined ? STEP : session.packet(message, qos);
  }
}

/** Takes filters back. */
export function unsubscribe(session: Session, filters: Iterable<string>): void {
  for (const filter of filters) {
    if (session.filters.delete(filter)) topics.delete(session, levelsOf(filter));
  }
}
