// The last read of a connection. Freeing a socket with unread input resets it, and a reset destroys what the peer has
// not read yet. So what the peer still sends is read until its end, silence or a second has passed.

import type { Clock } from "../network/clock.ts";

/** How long it waits for more, and in total. */
const QUIET_IN_MILLIS = 50;
const TOTAL_IN_MILLIS = 1_000;

/** Wants a look when it is time. */
interface DrainHost {
  readonly clock: Clock;
  lookBy(due: number): void;
}

/** How long a drain goes on. */
export class Drain {
  /** Whether what arrives can still be read, because it was sent before a write failed. */
  readonly keeps: boolean;
  /** When it is over, or `Infinity` if it is over already. */
  due: number;
  readonly #host: DrainHost;
  readonly #totalDue: number;
  readonly #over: PromiseWithResolvers<void> = Promise.withResolvers();

  /** @param host Has the time. @param keeps Whether what arrives can still be read. */
  constructor(host: DrainHost, keeps: boolean) {
    this.#host = host;
    this.keeps = keeps;
    this.due = this.#totalDue = host.clock.now() + TOTAL_IN_MILLIS;
    this.goOn();
  }

  /** Resolves when it is over. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Whether it goes on. */
  get isUnderWay(): boolean {
    return this.due !== Infinity;
  }

  /** Bytes have arrived: the silence begins anew. */
  goOn(): void {
    this.due = Math.min(this.#host.clock.now() + QUIET_IN_MILLIS, this.#totalDue);
    this.#host.lookBy(this.due);
  }

  /** Nothing more is waited for. */
  end(): void {
    this.due = Infinity;
    this.#over.resolve();
  }
}
