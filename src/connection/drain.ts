// The last read of a connection. Freeing a socket with unread input resets it, and a reset destroys what the peer has
// not read yet, or what is still on its way. So what the peer still sends is read until its end, until it is silent, or
// until it has had enough time.

import type { Clock } from "../network/clock.ts";

/** How long a drain waits. */
export interface DrainTimes {
  /** For more. */
  readonly quietInMillis: number;
  /** In total. */
  readonly totalInMillis: number;
}

/** Of a peer on this machine, who has little as soon as the system has it, and of one who got nothing. */
export const SHORT: DrainTimes = { quietInMillis: 50, totalInMillis: 1_000 };
/** So many bytes have room on a peer's side, however slowly it reads. */
export const LITTLE = 32 * 1024;
/** Of any other one: a silence of less than some round trips says nothing. */
export const LONG_QUIET_IN_MILLIS = 1_000;

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
  readonly #quietInMillis: number;
  readonly #totalDue: number;
  readonly #over: PromiseWithResolvers<void> = Promise.withResolvers();

  /** @param host Has the time. @param keeps Whether what arrives can still be read. @param times How long. */
  constructor(host: DrainHost, keeps: boolean, { quietInMillis, totalInMillis }: DrainTimes) {
    this.#host = host;
    this.#quietInMillis = quietInMillis;
    this.keeps = keeps;
    this.due = this.#totalDue = host.clock.now() + totalInMillis;
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
    this.due = Math.min(this.#host.clock.now() + this.#quietInMillis, this.#totalDue);
    this.#host.lookBy(this.due);
  }

  /** Nothing more is waited for. */
  end(): void {
    this.due = Infinity;
    this.#over.resolve();
  }
}
