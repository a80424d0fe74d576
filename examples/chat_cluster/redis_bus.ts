// The bus of the chat on Redis: a channel for each room. One connection hears, since Redis lets it do nothing else
// then, and another one publishes.

import { ReconnectingClient, Requests } from "../../clients.ts";
import { type Framed, framed } from "../../mod.ts";
import { respCodec } from "../resp_codec.ts";
import { command, type Resp } from "../resp_values.ts";
import type { Bus, OnChange } from "./bus.ts";

interface Heard {
  readonly onLine: (line: string) => void;
  /** What waits until Redis has confirmed that the room is heard: else it would not come back. */
  waiting: string[] | undefined;
}

const codec = respCodec();
const decoder = new TextDecoder();
const ping = command("PING");
const PING_IN_MILLIS = 2_000;
const channelOf = (room: string) => `chat.${room}`;

/** Connects to Redis, and waits for it where it is not there yet. It comes back by itself, with all that it hears. */
export async function redisBus(host: string, port: number, onChange: OnChange): Promise<Bus> {
  const server = { host, port, redialDelayInMillis: 50, maxRedialDelayInMillis: 500 };
  const heard = new Map<string, Heard>();
  /** Those that Redis has not confirmed, in the order in which it will. */
  let asked: Heard[] = [];
  let hearer: Framed<Resp> | undefined;
  let hears = false;
  let isUp = false;
  const first = Promise.withResolvers<void>();

  const talker = new ReconnectingClient({ ...server, onState: () => change() });
  const requests = new Requests<Resp, Resp>(talker, codec, {
    ping,
    pingInMillis: PING_IN_MILLIS,
    timeoutInMillis: PING_IN_MILLIS,
  });
  function change(): void {
    const now = hears && talker.connection !== undefined;
    if (now === isUp) return;
    onChange(isUp = now);
    if (isUp) first.resolve();
  }
  function post(channel: string, line: string): void {
    // A line that fails is lost, as this bus says.
    requests.send(command("PUBLISH", channel, line)).catch(() => {});
  }
  function ask(...words: string[]): void {
    // Where the connection has just ended, the next one asks for all again.
    hearer?.send(command(...words)).catch(() => {});
  }

  function onMessage(message: Resp): void {
    if (message instanceof Error) throw message;
    // The PING behind all rooms is answered, as a text where there are none.
    const words = Array.isArray(message) ? message : ["pong"];
    const [kind, channel, line] = words.map((word) => {
      return word instanceof Uint8Array ? decoder.decode(word) : word;
    }) as string[];
    if (kind === "pong") {
      hears = true;
      change();
    } else if (kind === "message") {
      heard.get(channel!)?.onLine(line!);
    } else if (kind === "subscribe") {
      const room = asked.shift()!;
      for (const waiting of room.waiting ?? []) post(channel!, waiting);
      room.waiting = undefined;
    }
  }
  const ears = new ReconnectingClient(server);
  const hearing = (async () => {
    for await (const connection of ears) {
      hearer = framed(connection, codec, {
        heartbeat: {
          message: ping,
          everyInMillis: PING_IN_MILLIS,
          deafAfterInMillis: 2 * PING_IN_MILLIS,
        },
      });
      asked = [...heard.values()];
      for (const room of asked) room.waiting = [];
      if (heard.size > 0) ask("SUBSCRIBE", ...heard.keys());
      ask("PING");
      try {
        for await (const message of hearer) onMessage(message);
      } catch { /* it is gone: the next one */ }
      hearer = undefined;
      hears = false;
      change();
    }
  })();

  await first.promise;
  return {
    get isUp() {
      return isUp;
    },
    publish(room, line) {
      if (!isUp) return false;
      const channel = channelOf(room);
      const waiting = heard.get(channel)?.waiting;
      if (waiting === undefined) post(channel, line);
      else waiting.push(line);
      return true;
    },
    hear(room, onLine) {
      const channel = channelOf(room);
      const entry: Heard = { onLine, waiting: [] };
      heard.set(channel, entry);
      if (hearer !== undefined) asked.push(entry);
      ask("SUBSCRIBE", channel);
      return () => {
        heard.delete(channel);
        ask("UNSUBSCRIBE", channel);
      };
    },
    async close() {
      await requests.close();
      await ears.close();
      await hearing;
    },
  };
}
