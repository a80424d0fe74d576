// How many queued datagrams are handed out in a row before others have their turn. A loop over many waiting datagrams
// would not let the runtime look at its sockets.

import type { Turns } from "../network/turns.ts";

/** After this many datagrams, others have their turn. */
export const DATAGRAMS_PER_TURN = 256;

/** How much one queue may hand out before others have their turn. */
export class DatagramShare {
  readonly #turns: Turns;
  #inARow = 0;
  #isSteppingBack = false;

  /** @param turns How others get their turn. */
  constructor(turns: Turns) {
    this.#turns = turns;
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
    return this.#inARow > DATAGRAMS_PER_TURN && this.#turns.stepBack !== undefined;
  }

  /** Lets the others go first. Resolves when they have. */
  async stepBack(): Promise<void> {
    this.#isSteppingBack = true;
    await this.#turns.stepBack?.();
    this.#isSteppingBack = false;
    this.#inARow = 0;
  }
}
