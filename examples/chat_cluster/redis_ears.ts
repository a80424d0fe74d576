// The connection that hears, of the chat's bus on Redis: while it does, Redis lets it do nothing else.

import type { ReconnectingClient } from "../../clients.ts";
import type { Framed } from "../../mod.ts";
import { command, type Resp } from "../resp_values.ts";
import { type Heard, hearing, Refusals, wordsOf } from "./redis_words.ts";

/** Hears channels, and hears them again whenever Redis is back. */
export class RedisEars {
  readonly heard = new Map<string, Heard>();
  /** Whether Redis hears of all of them. */
  isUp = false;
  readonly #client: ReconnectingClient;
  readonly #onChange: (isUp: boolean) => void;
  readonly #ended: Promise<void>;
  #redis: Framed<Resp> | undefined;
  readonly #refusals = new Refusals();
  /** Those that Redis has not confirmed, in the order in which it will. */
  #asked: Heard[] = [];

  constructor(client: ReconnectingClient, onChange: (isUp: boolean) => void) {
    this.#client = client;
    this.#onChange = onChange;
    this.#ended = this.#live();
  }

  hear(heard: Heard): void {
    this.heard.set(heard.channel, heard);
    if (this.#redis === undefined) heard.begun.resolve();
    else this.#asked.push(heard);
    this.#send("SUBSCRIBE", heard.channel);
  }

  forget({ channel }: Heard): void {
    this.heard.delete(channel);
    this.#send("UNSUBSCRIBE", channel);
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.close(), this.#ended]);
  }

  async #live(): Promise<void> {
    for await (const connection of this.#client) {
      this.#redis = hearing(connection);
      this.#asked = [...this.heard.values()];
      if (this.heard.size > 0) this.#send("SUBSCRIBE", ...this.heard.keys());
      this.#send("PING");
      try {
        for await (const message of this.#redis) this.#onMessage(message);
      } catch (error) {
        this.#refusals.tell(error);
      }
      this.#redis = undefined;
      for (const { begun } of this.#asked) begun.resolve();
      this.#onChange(this.isUp = false);
    }
  }

  #onMessage(message: Resp): void {
    // The PING behind all channels is answered when Redis hears of all.
    const [kind, channel, line] = wordsOf(message);
    if (kind === "pong") this.#onChange(this.isUp = true);
    if (kind === "message") this.heard.get(channel!)?.onLine(line!);
    if (kind === "subscribe") this.#asked.shift()!.begun.resolve();
  }

  /** Where the connection has just ended, the next one asks for all again. */
  #send(...words: string[]): void {
    this.#redis?.send(command(...words)).catch(() => {});
  }
}
