// The bus of the chat on Redis: a channel for each room. One connection hears, and another one publishes.

import { ReconnectingClient, Requests } from "../../clients.ts";
import { respCodec } from "../resp_codec.ts";
import { command, type Resp } from "../resp_values.ts";
import type { Bus, OnChange } from "./bus.ts";
import { RedisEars } from "./redis_ears.ts";
import type { Heard } from "./redis_words.ts";

const channelOf = (room: string) => `chat.${room}`;

/** Connects to Redis, and waits for it where it is not there yet. It comes back by itself, with all that it hears. */
export async function redisBus(host: string, port: number, onChange: OnChange): Promise<Bus> {
  let isUp = false;
  const first = Promise.withResolvers<void>();
  const server = { host, port, redialDelayInMillis: 50, maxRedialDelayInMillis: 500 };
  const ears = new RedisEars(new ReconnectingClient(server), change);
  const mouth = new ReconnectingClient({ ...server, onState: change });
  const requests = new Requests<Resp, Resp>(mouth, respCodec(), {
    ping: command("PING"),
    pingInMillis: 2_000,
    // A bus that is busy is not away: what takes it for lost loses lines.
    pingTimeoutInMillis: 5_000,
    timeoutInMillis: 5_000,
  });

  function change(): void {
    const now = ears.isUp && mouth.connection !== undefined;
    if (now !== isUp) onChange(isUp = now);
    if (isUp) first.resolve();
  }

  await first.promise;
  return {
    get isUp() {
      return isUp;
    },
    publish(room, line) {
      // A line that fails is lost, as a bus may.
      if (isUp) requests.send(command("PUBLISH", channelOf(room), line)).catch(() => {});
      return isUp;
    },
    hear(room, onLine) {
      const begun = Promise.withResolvers<void>();
      const heard: Heard = {
        channel: channelOf(room),
        // Between "away" and "back" nobody hears anything: one of the two connections may be back before the other.
        onLine: (line) => isUp && onLine(line),
        begun,
      };
      ears.hear(heard);
      return { begun: begun.promise, end: () => ears.forget(heard) };
    },
    async close() {
      await requests.close();
      await ears.close();
    },
  };
}
