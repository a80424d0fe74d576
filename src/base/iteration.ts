// The end of an iteration, the same for all of them: once it is left it takes nothing any more, whoever still asks.

/** What an iteration gives at its end. */
export const OVER = { done: true, value: undefined } as const;

/** What `for await` goes over, as the streams of the web: after `return` every `next` is the end. */
export abstract class Iteration<T> implements AsyncIterator<T, undefined> {
  #isLeft = false;

  /** Waits for what comes next. */
  next(): Promise<IteratorResult<T, undefined>> {
    return this.#isLeft ? Promise.resolve(OVER) : this.step();
  }

  /** Leaves it: steps that wait end, and what comes later is for others. */
  return(): Promise<IteratorResult<T, undefined>> {
    if (!this.#isLeft) {
      this.#isLeft = true;
      // Once: what is under way later belongs to somebody else.
      this.leave();
    }
    return Promise.resolve(OVER);
  }

  /** Begins a step. */
  protected abstract step(): Promise<IteratorResult<T, undefined>>;

  /** Ends the steps that wait. */
  protected abstract leave(): void;
}
