// Those who wait until a client has a connection.

import { GenericError, ignore, reasonOf } from "../base/errors.ts";
import type { Client } from "../connection/client.ts";
import { waitFor } from "../network/deadline.ts";
import type { Clock } from "../network/network.ts";
import { readWaitOptions } from "./wait_options.ts";

/** How to wait for a connection. */
export interface ReadyOptions {
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * How long to wait, in milliseconds from 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly timeoutInMillis?: number;
}

/** Checked {@linkcode ReadyOptions}. */
export interface ReadyLimits {
  readonly signal: AbortSignal | undefined;
  readonly timeoutInMillis: number;
}

/** Reads how to wait for a connection. @throws {unknown} It is wrong; or the reason of the signal. */
export function readReady(options: ReadyOptions): ReadyLimits {
  const { signal, timeoutInMillis = Infinity } = readWaitOptions(options);
  return { signal, timeoutInMillis };
}

/** Those who wait for the next connection. */
export class Ready {
  readonly #clock: Clock;
  readonly #waiting = new Set<PromiseWithResolvers<Client>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits. @param lastError Why there is no connection, if that is known. */
  async wait(limits: ReadyLimits, lastError: () => Error | undefined): Promise<Client> {
    const { signal, timeoutInMillis } = limits;
    const wait = Promise.withResolvers<Client>();
    this.#waiting.add(wait);
    const timeoutError = () => {
      const cause = lastError();
      const why = cause === undefined ? "" : `; the last failure: ${reasonOf(cause)}`;
      const message = `No connection within ${timeoutInMillis} ms${why}`;
      return new GenericError("timed-out", message, cause === undefined ? {} : { cause });
    };
    try {
      const within = { clock: this.#clock, timeoutInMillis, signal, timeoutError };
      return await waitFor(within, () => wait.promise, ignore);
    } finally {
      this.#waiting.delete(wait);
    }
  }

  /** All get this connection. */
  resolve(client: Client): void {
    for (const wait of this.#waiting) wait.resolve(client);
    this.#waiting.clear();
  }

  /** There will be none. */
  reject(reason: unknown): void {
    for (const wait of this.#waiting) {
      wait.promise.catch(ignore);
      wait.reject(reason);
    }
    this.#waiting.clear();
  }
}
