// A Redis client as a driver: it redials, logs in, sends commands together, and gives each its deadline.
// Run: deno run --allow-net=127.0.0.1 examples/redis_client.ts [PORT]

import { ReconnectingClient, Requests, type RequestsStats } from "../clients.ts";
import { framed } from "../mod.ts";
import { printable } from "./printable.ts";
import { isRead, sharedCommand } from "./redis_shared.ts";
import { respCodec } from "./resp_codec.ts";
import { command, lengthOf, type Resp } from "./resp_values.ts";

/**
 * Others may have stored longer strings: a command whose answer has more of them fails alone. All that stands around
 * strings, in lists of millions, may be as long; more than that ends the connection.
 */
const LONGEST = 16 * 1024 * 1024;
const codec = respCodec({ maxFrameLength: 2 * LONGEST, maxItems: Infinity, cutAt: LONGEST + 1 });
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** How to reach the server. */
export interface RedisConfig {
  readonly port: number;
  readonly host?: string;
  readonly password?: string;
  readonly timeoutInMillis?: number;
  readonly pingInMillis?: number;
}

export class Redis implements AsyncDisposable {
  readonly client: ReconnectingClient;
  readonly #requests: Requests<Resp, Resp>;

  constructor({ host = "127.0.0.1", port, password, ...config }: RedisConfig) {
    this.client = new ReconnectingClient({
      host,
      port,
      async onUp(connection) {
        const login = framed(connection, codec);
        // A server that loads its data refuses the PING: then this one tries again later.
        await login.send(password === undefined ? command("PING") : command("AUTH", password));
        const answer = await login.receive({ timeoutInMillis: 5_000 });
        if (typeof answer !== "string") throw answer ?? new Error("The server said nothing");
      },
    });
    this.#requests = new Requests<Resp, Resp>(this.client, codec, {
      isIdempotent: isRead,
      ping: command("PING"),
      pingInMillis: 10_000,
      timeoutInMillis: 5_000,
      ...config,
    });
  }

  /** Runs a command that has one answer. An error that the server answers is thrown. */
  async run(...words: string[]): Promise<Resp> {
    const answer = await this.#requests.send(sharedCommand(words));
    if (answer instanceof Error) throw answer;
    if (lengthOf(answer) > LONGEST) throw new Error(`It has more than ${LONGEST} bytes`);
    return answer instanceof Uint8Array ? decoder.decode(answer) : answer;
  }

  stats(): RequestsStats {
    return this.#requests.stats();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#requests.close();
  }
}

if (import.meta.main) {
  await using redis = new Redis({ port: Number(Deno.args[0] ?? 6379) });
  console.log(printable(String(await redis.run("SET", "greeting", "hello"))));
  console.log(await Promise.all([redis.run("GET", "greeting"), redis.run("ECHO", "bye")]));
}
