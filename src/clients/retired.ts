// The connection that a client had before: it is not given out any more. Whoever has it may read what is left, and
// closes it; else it is closed after a while.

import { ignore } from "../base/errors.ts";
import { young } from "../base/young.ts";
import type { Client } from "../connection/client.ts";
import { coreOf } from "../connection/connection.ts";
import type { Clock } from "../network/network.ts";

/** The last connection, while something unread is left of it. */
export class Retired {
  readonly #clock: Clock;
  readonly #closeTimeoutInMillis: number;
  #client: Client | undefined;
  #forget: () => void = ignore;

  /** @param closeTimeoutInMillis After how long it is closed, where nothing is unread, or `Infinity`. */
  constructor(clock: Clock, closeTimeoutInMillis: number) {
    this.#clock = clock;
    this.#closeTimeoutInMillis = closeTimeoutInMillis;
  }

  /** The connection, if there is one. */
  get client(): Client | undefined {
    return this.#client;
  }

  /** A connection is replaced. The one before it is closed. */
  put(client: Client): void {
    const core = coreOf(client);
    this.forget();
    void this.#client?.close();
    this.#client = undefined;
    if (core.isFreed) return;
    this.#client = client;
    if (this.#closeTimeoutInMillis === Infinity) return;
    const timer = this.#clock.setTimeout(() => {
      if (core.reader.queue.length === 0) void client.close();
    }, this.#closeTimeoutInMillis);
    this.#forget = young(() => this.#clock.clearTimeout(timer));
    void core.freed.then(this.#forget);
  }

  /** Nobody has to close it any more. */
  forget(): void {
    this.#forget();
  }
}
