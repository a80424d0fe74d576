// A rejection that may be left alone, but is then reported.
//
// A write rejects with the connection's failure, which `closed` reports too; a message that cannot be encoded leaves
// the connection as it is, and would go unnoticed where nobody looks at the promise. An await calls `then` only of a
// subclass; the promises of messages that are sent stay plain.

import { ignore } from "../base/errors.ts";

/**
 * Within this many microtasks a caller looks at a promise it was given, even through an async function that returns
 * it.
 */
const PATIENCE_IN_MICROTASKS = 8;

/** A rejected promise that is never an unhandled rejection, and knows whether anyone looks at it. */
export class Refusal extends Promise<never> {
  #isLookedAt = false;

  /** Promises derived from it are plain. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /**
   * Rejects.
   *
   * @param error The reason.
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
