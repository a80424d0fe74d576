// The connections that a client had before: they are not given out any more. Whoever has one may read what is left, and
// closes it; else each is closed after a while.

import { ignore } from "../base/errors.ts";
import type { Client } from "../connection/client.ts";
import { coreOf } from "../connection/connection.ts";
import type { Clock } from "../network/network.ts";

/** So many stay open at most, the last ones: one with something unread has no other end. */
const MOST_OPEN = 8;

/** The connections before the current one, until they are freed. */
export class Retired {
  readonly #clock: Clock;
  readonly #closeTimeoutInMillis: number;
  /** Whether the next connection needs the port: then each is closed, whatever is unread. */
  readonly #isPortNeeded: boolean;
  /** Those that are not freed, the oldest first, and what ends the timer of each. */
  readonly #all = new Map<Client, () => void>();

  /** @param closeTimeoutInMillis After how long each is closed, where nothing is unread, or `Infinity`. */
  constructor(clock: Clock, closeTimeoutInMillis: number, isPortNeeded = false) {
    this.#clock = clock;
    this.#isPortNeeded = isPortNeeded;
    this.#closeTimeoutInMillis = closeTimeoutInMillis;
  }

  /** Those that are not freed, the oldest first. */
  get clients(): Client[] {
    return [...this.#all.keys()];
  }

  /** A connection is replaced. It is closed after a while. */
  put(client: Client): void {
    if (coreOf(client).isFreed) return;
    this.#keep(client, this.#closeLater(client));
    const open = this.clients.filter((each) => coreOf(each).isOpen);
    for (const oldest of open.slice(0, -MOST_OPEN)) void oldest.close();
  }

  /** A connection is replaced, and somebody closes it as soon as what is under way on it is done. */
  putUsed(client: Client): void {
    if (!coreOf(client).isFreed) this.#keep(client, ignore);
  }

  #keep(client: Client, forget: () => void): void {
    this.#all.set(client, forget);
    void coreOf(client).freed.then(() => {
      this.#all.get(client)!();
      this.#all.delete(client);
    });
  }

  /** Nobody has to close them any more. */
  forget(): void {
    for (const [client, forget] of this.#all) {
      forget();
      this.#all.set(client, ignore);
    }
  }

  /** Returns what ends the timer. */
  #closeLater(client: Client): () => void {
    if (this.#closeTimeoutInMillis === Infinity) return ignore;
    const timer = this.#clock.setTimeout(() => {
      // The next connection may need its port.
      if (this.#isPortNeeded || coreOf(client).reader.begun === 0) void client.close();
    }, this.#closeTimeoutInMillis);
    return () => this.#clock.clearTimeout(timer);
  }
}
