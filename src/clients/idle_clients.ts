// The connections of a pool that nobody uses: the one used last is taken first. The end of one is noticed at once, and
// one that is idle for long is given up, without a timer for each.

import type { Clock } from "../network/network.ts";
import type { Pooled } from "./pooled.ts";

/** What becomes of idle connections. */
export interface IdleHost<Session> {
  /** Something came on one, which is idle no more. */
  onSpoilt(pooled: Pooled<Session>): void;
  /** One was idle for too long, and is no more. */
  onOld(pooled: Pooled<Session>): void;
  /** Asks for a call of {@linkcode IdleClients.look} by then. */
  lookBy(due: number): void;
}

/** The idle connections of a pool. */
export class IdleClients<Session> {
  readonly #clock: Clock;
  readonly #timeoutInMillis: number;
  readonly #host: IdleHost<Session>;
  /** The one used last is the last one. */
  #all: Pooled<Session>[] = [];

  /** @param timeoutInMillis How long one may be idle, or `Infinity`. */
  constructor(clock: Clock, timeoutInMillis: number, host: IdleHost<Session>) {
    this.#clock = clock;
    this.#timeoutInMillis = timeoutInMillis;
    this.#host = host;
  }

  /** How many there are. */
  get length(): number {
    return this.#all.length;
  }

  /** Nobody uses a connection any more. */
  put(pooled: Pooled<Session>): void {
    this.#all.push(pooled);
    pooled.idleSince = this.#clock.now();
    if (this.#timeoutInMillis !== Infinity) {
      this.#host.lookBy(pooled.idleSince + this.#timeoutInMillis);
    }
    pooled.watch(() => {
      const at = this.#all.indexOf(pooled);
      if (at < 0) return;
      this.#all.splice(at, 1);
      this.#host.onSpoilt(pooled);
    });
  }

  /** Takes the one that was used last. There must be one. */
  take(): Pooled<Session> {
    const pooled = this.#all.pop()!;
    pooled.unwatch();
    return pooled;
  }

  /** Takes all. */
  takeAll(): Pooled<Session>[] {
    const all = this.#all;
    this.#all = [];
    for (const pooled of all) pooled.unwatch();
    return all;
  }

  /** Gives those up that were idle for too long, if they surely were. Returns when the next one is. */
  look(now: number, isSure: boolean): number {
    // The longest idle is the first one.
    for (let first = this.#all[0]; first !== undefined; first = this.#all[0]) {
      const due = first.idleSince + this.#timeoutInMillis;
      if (due > now || !isSure) return due;
      this.#all.shift();
      first.unwatch();
      this.#host.onOld(first);
    }
    return Infinity;
  }
}
