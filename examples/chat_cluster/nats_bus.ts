// The bus of the chat on NATS: a subject for each room.

import type { Bus, OnChange } from "./bus.ts";
import { connected, Refusals } from "./nats_door.ts";

const subjectOf = (room: string) => `chat.${room}`;

/** Connects to NATS, and waits for it where it is not there yet. It comes back by itself, with all that it hears. */
export async function natsBus(server: string, onChange: OnChange): Promise<Bus> {
  const refusals = new Refusals();
  const nats = await connected(server, refusals);
  let isUp = false;
  const change = (now: boolean) => {
    if (now !== isUp) onChange(isUp = now);
    if (now) refusals.last = "";
  };
  (async () => {
    for await (const status of nats.status()) {
      if (status.type === "disconnect") change(false);
      else if (status.type === "reconnect") change(true);
      else if (status.type === "error") refusals.tell(status.error);
    }
  })();
  change(true);
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
