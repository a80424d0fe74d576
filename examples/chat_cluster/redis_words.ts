// What the chat's bus hears on Redis, and the words in which Redis says it.

import { type Connection, type Framed, framed, SocketError } from "../../mod.ts";
import { respCodec } from "../resp_codec.ts";
import { command, type Resp } from "../resp_values.ts";

/** A channel that is heard. */
export interface Heard {
  readonly channel: string;
  readonly onLine: (line: string) => unknown;
  /** Resolves when Redis has confirmed that it is heard, or is away. */
  readonly begun: PromiseWithResolvers<void>;
}

/** Other programs may publish what they like, of any length. No line of a guest is longer: rooms.ts cuts it again. */
const codec = respCodec({ cutAt: 4_096 });
const heartbeat = { message: command("PING"), everyInMillis: 2_000, deafAfterInMillis: 4_000 };

/** Messages on a connection; a Redis that says nothing any more is noticed. */
export function hearing(connection: Connection): Framed<Resp> {
  return framed(connection, codec, { heartbeat });
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The words of a message. A PING is answered by a text where no channel is heard. */
export function wordsOf(message: Resp): string[] {
  if (message instanceof Error) throw message;
  const words = Array.isArray(message) ? message : ["pong"];
  return words.map((word) => word instanceof Uint8Array ? decoder.decode(word) : `${word}`);
}

/**
 * Prints what Redis refuses with, or that it says what is no message, not at each of the attempts: somebody may set it
 * right meanwhile.
 */
export class Refusals {
  #last = "";

  /** @param error What has ended a connection. */
  tell(error: unknown): void {
    const isOdd = error instanceof SocketError;
    if (isOdd && error.code !== "frame") return; // "The bus is away" says it
    const { message } = error as Error;
    if (message !== this.#last) {
      console.error(`${isOdd ? "Redis is not understood" : "Redis refuses"}: ${message}`);
    }
    this.#last = message;
  }
}
