// A rejection that may be left alone, but not in silence.
//
// What a write rejects with is the connection's failure, which `closed` tells; a message that cannot be encoded
// leaves the connection as it is, and where nobody looks at the promise nobody would ever know. Only a subclass
// is asked for its `then` by an await; the promises of messages that are sent stay plain.

import { ignore } from "../base/errors.ts";

/** A look at a promise that was just given out is begun within so many microtasks: an async function returns it. */
const PATIENCE_IN_MICROTASKS = 8;

/** A rejected promise that never is an unhandled rejection, and knows whether somebody looks at it. */
export class Refusal extends Promise<never> {
  #isLookedAt = false;

  /** What is made of it is plain. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /**
   * Rejects.
   *
   * @param error With what.
   * @param onUnseen Called when nobody looks at it.
   */
  static of(error: unknown, onUnseen: () => void): Promise<never> {
    const refusal = new Refusal((_, reject) => reject(error));
    refusal.catch(ignore);
    refusal.#isLookedAt = false;
    let patience = PATIENCE_IN_MICROTASKS;
    const look = () => {
      if (refusal.#isLookedAt) return;
      if (patience-- > 0) queueMicrotask(look);
      else onUnseen();
    };
    look();
    return refusal;
  }

  override then<Resolved = never, Rejected = never>(
    onResolved?: ((value: never) => Resolved | PromiseLike<Resolved>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Resolved | Rejected> {
    this.#isLookedAt = true;
    return super.then(onResolved, onRejected);
  }
}
