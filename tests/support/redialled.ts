// A client that redials over real sockets, and what it tells.

import { ReconnectingClient, type ReconnectingClientConfig, type Setback } from "../../clients.ts";
import { type Client, Listener, type ListenerConfig } from "../../mod.ts";

/** Rests that a test can wait for. */
export const SOON = { redialDelayInMillis: 1, maxRedialDelayInMillis: 5 };

/** A server that says its name to whoever comes, then sends everything back. */
export async function named(
  name: string,
  config: ListenerConfig = {},
  port = 0,
): Promise<Listener> {
  const listener = new Listener(port, { interface: "127.0.0.1", ...config });
  listener.attach({
    onConnect: (caller) => void caller.write(`${name}\n`),
    onBytes: (_, bytes) => bytes,
    onError() {},
  });
  await listener.start();
  return listener;
}

/** A client, who has answered it, and why it had to dial again. */
export class Redialled implements AsyncDisposable {
  readonly client: ReconnectingClient;
  /** All failures so far, in order. */
  readonly setbacks: Setback[] = [];
  #onSetback: () => void = () => {};

  constructor(config: ReconnectingClientConfig) {
    this.client = new ReconnectingClient({
      ...SOON,
      ...config,
      onDown: (setback) => {
        this.setbacks.push(setback);
        this.#onSetback();
      },
    });
  }

  /** Waits for so many failures in all, and gives what they say. */
  async failures(count: number): Promise<string[]> {
    while (this.setbacks.length < count) {
      await new Promise<void>((resolve) => this.#onSetback = resolve);
    }
    return this.setbacks.map(({ error }) => error.message);
  }

  /** Waits for a connection, and checks that it carries bytes. Gives it, and the name of the server. */
  async up(): Promise<[name: string | undefined, connection: Client]> {
    const connection = await this.client.ready({ timeoutInMillis: 10_000 });
    const name = await connection.readLine();
    await connection.write("ping");
    const [bytes] = await connection.read(4);
    return [bytes.length === 4 ? name : undefined, connection];
  }

  /** Does something that ends the connection, and waits until the client has noticed. */
  async down(act: () => unknown): Promise<void> {
    const before = this.setbacks.length;
    await act();
    await this.failures(before + 1);
  }

  /** Has a server cut all its connections, and waits until the client has noticed. */
  async cutBy(listener: Listener): Promise<void> {
    await this.down(() => listener.connections.forEach((caller) => caller.abort()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client.close();
  }
}
