// Brings what is published to those who subscribed: a part of mqtt_broker.ts.

import type { Message, Reply, Wish } from "./mqtt_packets.ts";
import { retain, retained } from "./mqtt_retained.ts";
import type { Session } from "./mqtt_session.ts";
import { FILTER, levelsOf, Topics } from "./mqtt_topics.ts";

const MOST_FILTERS = 100; // of one client
const MOST_LEVELS = 500; // of all its filters: each may be a place in the tree
const topics = new Topics<Session>();

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

/** Says what is granted, then what is retained. */
export function* subscribe(session: Session, { id, filters }: Wish): Generator<Reply> {
  const wanted = new Topics<Session>();
  const codes = filters.map(([filter, qos]) => {
    const levels = levelsOf(filter);
    const more = session.filters.has(filter) ? 0 : levels.length;
    const isFull = more > 0 && session.filters.size >= MOST_FILTERS ||
      session.levels + more > MOST_LEVELS;
    if (isFull || !FILTER.test(filter)) return 0x80;
    session.filters.add(filter);
    session.levels += more;
    for (const tree of [topics, wanted]) tree.add(session, levels, qos);
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
    if (!session.filters.delete(filter)) continue;
    const levels = levelsOf(filter);
    session.levels -= levels.length;
    topics.delete(session, levels);
  }
}

const gone: Session[] = [];

/** Takes back all filters of a client that has gone. Many may go at once: others have their turn meanwhile. */
export async function forget(session: Session): Promise<void> {
  if (gone.push(session) > 1) return; // those before it are being forgotten
  while (gone.length > 0) {
    // The more wait, the more at once: else they might come faster than they go.
    const some = gone.slice(0, 1 + gone.length / 32);
    for (const each of some) unsubscribe(each, each.filters);
    await new Promise((resolve) => setTimeout(resolve));
    gone.splice(0, some.length);
  }
}
