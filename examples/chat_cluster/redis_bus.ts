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
  const ears = new RedisEars(new ReconnectingClient(server), {
    onChange: change,
    onConfirmed: ({ channel, waiting }) => waiting?.forEach((line) => post(channel, line)),
  });
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
  function post(channel: string, line: string): void {
    // A line that fails is lost, as a bus may.
    requests.send(command("PUBLISH", channel, line)).catch(() => {});
  }

  await first.promise;
  return {
    get isUp() {
      return isUp;
    },
    publish(room, line) {
      if (!isUp) return false;
      const channel = channelOf(room);
      const waiting = ears.heard.get(channel)?.waiting;
      if (waiting === undefined) post(channel, line);
      else waiting.push(line);
      return true;
    },
    hear(room, onLine) {
      const heard: Heard = { channel: channelOf(room), onLine, waiting: [] };
      ears.hear(heard);
      return () => ears.forget(heard);
    },
    async close() {
      await requests.close();
      await ears.close();
    },
  };
}
