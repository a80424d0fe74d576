// The bus of the chat on NATS: a subject for each room.

import { connect } from "npm:@nats-io/transport-node@3.4.0";
import type { Bus, OnChange } from "./bus.ts";

const subjectOf = (room: string) => `chat.${room}`;

/** Connects to NATS, and waits for it where it is not there yet. It comes back by itself, with all that it hears. */
export async function natsBus(server: string, onChange: OnChange): Promise<Bus> {
  const nats = await connect({
    servers: server,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    // So that a server that says nothing any more is noticed.
    pingInterval: 2_000,
    maxPingOut: 2,
  });
  let isUp = true;
  const change = (now: boolean) => {
    if (now !== isUp) onChange(isUp = now);
  };
  (async () => {
    for await (const { type } of nats.status()) {
      if (type === "disconnect") change(false);
      else if (type === "reconnect") change(true);
    }
  })();
  onChange(true);
  return {
    get isUp() {
      return isUp;
    },
    publish(room, line) {
      if (isUp) nats.publish(subjectOf(room), line);
      return isUp;
    },
    hear(room, onLine) {
      const subscription = nats.subscribe(subjectOf(room), {
        callback: (error, message) => {
          if (error === null) onLine(message.string());
        },
      });
      // Its server has taken what was sent before.
      const begun = isUp ? nats.flush().catch(() => {}) : Promise.resolve();
      return { begun, end: () => subscription.unsubscribe() };
    },
    close: () => isUp ? nats.drain() : nats.close(),
  };
}
