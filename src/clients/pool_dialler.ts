// How a pool makes connections: as many at once as are needed, one at a time after a failure, with rests.

import type { Client } from "../connection/client.ts";
import { Backoff, isFinal } from "./backoff.ts";
import type { PoolSettings } from "./client_pool_config.ts";
import { dialPrepared } from "./prepared.ts";
import { rest } from "./rest.ts";

/** The pool. */
export interface DiallerHost<Session> {
  /** Whether one more connection is to be made. */
  isNeeded(): boolean;
  /** How many users have come so far. */
  comers(): number;
  /** A connection is ready. */
  onMade(client: Client, session: Session): void;
  /** It is of no use to try again for those who had come when it began: it is not the failure of later ones. */
  onFailed(error: unknown, comers: number): void;
  /** It may be tried again. */
  onRested(): void;
  /** What `close` waits for. */
  track(task: Promise<void>): void;
}

/** Makes the connections of a pool. */
export class PoolDialler<Session> {
  readonly #settings: PoolSettings<Session>;
  readonly #signal: AbortSignal;
  readonly #host: DiallerHost<Session>;
  readonly #backoff: Backoff;
  #underWay = 0;
  #isResting = false;
  #lastError: unknown;

  /** @param signal Its abort gives everything up. */
  constructor(settings: PoolSettings<Session>, signal: AbortSignal, host: DiallerHost<Session>) {
    this.#settings = settings;
    this.#signal = signal;
    this.#host = host;
    this.#backoff = new Backoff(settings.redial);
  }

  /** How many connections are being made. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Whether the last attempt has failed, and why. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#backoff.failures > 0 ? { error: this.#lastError } : undefined;
  }

  /** Makes as many as are needed. */
  more(): void {
    // After a failure one is tried, and not as many as wait.
    const most = this.#backoff.failures > 0 ? 1 : Infinity;
    while (
      !this.#isResting && !this.#signal.aborted && this.#underWay < most && this.#host.isNeeded()
    ) this.#host.track(this.#dial());
  }

  async #dial(): Promise<void> {
    this.#underWay++;
    const { dial, clock, onConnect, prepareTimeoutInMillis: timeoutInMillis } = this.#settings;
    const preparation = { clock, name: "onConnect", timeoutInMillis, prepare: onConnect };
    const comers = this.#host.comers();
    try {
      const [client, session] = await dialPrepared(dial, preparation, this.#signal);
      this.#underWay--;
      this.#backoff.onSuccess();
      this.#host.onMade(client, session as Session);
    } catch (error) {
      this.#underWay--;
      if (!this.#signal.aborted) await this.#onFailed(error, comers);
    }
  }

  async #onFailed(error: unknown, comers: number): Promise<void> {
    this.#lastError = error;
    this.#backoff.onFailure();
    if (isFinal(error) || this.#backoff.isExhausted) {
      this.#backoff.onSuccess();
      return this.#host.onFailed(error, comers);
    }
    if (this.#isResting) return;
    this.#isResting = true;
    await rest(this.#settings.clock, this.#backoff.nextInMillis(), this.#signal);
    this.#isResting = false;
    this.#host.onRested();
  }
}
