// How many datagrams that wait in a queue are handed out in a row before the others have their turn: a loop over
// what is there already would not let the runtime look at its sockets, however much that is.

import type { Turns } from "../network/turns.ts";

/** After so many datagrams the others have their turn. */
export const DATAGRAMS_PER_TURN = 256;

/** What one queue may hand out before the others have their turn. */
export class DatagramShare {
  readonly #turns: Turns;
  #inARow = 0;
  #isSteppingBack = false;

  /** @param turns How others get their turn. */
  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Whether the others have their turn just now. */
  get isSteppingBack(): boolean {
    return this.#isSteppingBack;
  }

  /**
   * Counts one that is about to be handed out.
   *
   * @param waiting How many wait in the queue, with that one; none of them, and the count begins anew.
   * @returns Whether so many were that it is the others' turn.
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
