// What is counted of a client that comes back.

import type { Client } from "../connection/client.ts";
import { coreOf } from "../connection/connection.ts";

/** What has happened to a {@linkcode ReconnectingClient} since it was made. The record does not change. */
export interface ReconnectingStats {
  /** How often it has dialled; one that is under way, or was given up by `close` or `abort`, neither failed nor succeeded. */
  readonly dials: number;
  /** How many of them failed, or their `onUp` did. */
  readonly failures: number;
  /** How many gave a connection. */
  readonly connections: number;
  /** Bytes received on all its connections. */
  readonly bytesRead: number;
  /** Bytes that the system has taken for sending on all its connections. */
  readonly bytesWritten: number;
}

/** Counts. */
export class ReconnectingCounts {
  #dials = 0;
  #failures = 0;
  #connections = 0;
  #bytesRead = 0;
  #bytesWritten = 0;
  /** The one in use, and those that were replaced. */
  readonly #open = new Set<Client>();

  /** It dials. */
  dial(): void {
    this.#dials++;
  }

  /** That has failed. */
  fail(): void {
    this.#failures++;
  }

  /** That gave a connection. */
  up(client: Client): void {
    this.#connections++;
    this.#open.add(client);
    void coreOf(client).freed.then(() => {
      this.#open.delete(client);
      this.#bytesRead += client.bytesRead;
      this.#bytesWritten += client.bytesWritten;
    });
  }

  /** The present numbers. */
  stats(): ReconnectingStats {
    const sum = (bytes: number, of: (client: Client) => number) =>
      [...this.#open].reduce((all, client) => all + of(client), bytes);
    return Object.freeze({
      dials: this.#dials,
      failures: this.#failures,
      connections: this.#connections,
      bytesRead: sum(this.#bytesRead, (client) => client.bytesRead),
      bytesWritten: sum(this.#bytesWritten, (client) => client.bytesWritten),
    });
  }
}
