// How many queued datagrams are handed out in a row before others have their turn. A loop over many waiting datagrams
// would not let the runtime look at its sockets.

import { BatchSize } from "../network/batch_size.ts";
import type { ShareHost } from "../network/share.ts";

/** After this many datagrams, or fewer that take long, others have their turn. */
export const DATAGRAMS_PER_TURN = 256;

/** How much one queue may hand out before others have their turn. */
export class DatagramShare {
  readonly #host: ShareHost;
  readonly #batch = new BatchSize(DATAGRAMS_PER_TURN);
  #inARow = 0;
  #since = 0;
  #isSteppingBack = false;

  /** @param host How others get their turn. */
  constructor(host: ShareHost) {
    this.#host = host;
  }

  /** Whether others have their turn now. */
  get isSteppingBack(): boolean {
    return this.#isSteppingBack;
  }

  /**
   * Counts one that is about to be handed out.
   *
   * @param waiting How many wait in the queue, including this one. With 0 the count begins anew.
   * @returns Whether it is now the others' turn.
   */
  isUsedUp(waiting: number): boolean {
    this.#inARow = waiting === 0 ? 0 : this.#inARow + 1;
    // Of one that is alone the time is not asked for.
    if (this.#inARow === 2) this.#since = this.#host.clock.now();
    return this.#inARow > this.#batch.size && this.#host.turns.stepBack !== undefined;
  }

  /** Lets the others go first. Resolves when they have. */
  async stepBack(): Promise<void> {
    this.#isSteppingBack = true;
    const { clock, turns } = this.#host;
    this.#batch.learn(this.#inARow - 1, clock.now() - this.#since);
    await turns.stepBack?.();
    this.#isSteppingBack = false;
    this.#inARow = 0;
  }
}
