// How the chat gets into NATS: it tries until it is let in, and says why it is not.

import { connect, errors, type NatsConnection } from "npm:@nats-io/transport-node@3.4.0";
import { printable } from "../printable.ts";

const REDIAL_IN_MILLIS = 250;

/** Prints what NATS refuses with, not at each of the attempts: somebody may set it right meanwhile. */
export class Refusals {
  /** Is empty again when NATS lets it in. */
  last = "";

  tell(error: unknown): void {
    const { message } = error as Error;
    // "The bus is away" says that nobody is there, or hangs up.
    const isSaid = error instanceof errors.ConnectionError || Object.hasOwn(error as Error, "code");
    if (!isSaid && message !== this.last) console.error(`NATS refuses: ${printable(message)}`);
    if (!isSaid) this.last = message;
  }
}

/** Connects, as soon as NATS is there and lets it in. */
export async function connected(server: string, refusals: Refusals): Promise<NatsConnection> {
  // On Deno its client has no ear for the reset of a connection that was refused, which would end the program.
  addEventListener("error", (event) => {
    if (event.error?.code === "ECONNRESET") event.preventDefault();
  });
  for (;;) {
    try {
      return await connect({
        servers: server,
        // It never gives up, neither where nobody is there nor where it is refused.
        maxReconnectAttempts: -1,
        ignoreAuthErrorAbort: true,
        reconnectTimeWait: REDIAL_IN_MILLIS,
        timeout: 5_000, // where NATS is full, its client waits for this before it tries again
        // So that a server that says nothing any more is noticed.
        pingInterval: 2_000,
        maxPingOut: 2,
      });
    } catch (error) {
      refusals.tell(error);
      await new Promise((resolve) => setTimeout(resolve, REDIAL_IN_MILLIS));
    }
  }
}
