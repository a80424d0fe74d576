// Sessions that have begun and that no iteration has taken, in the order in which they began.
//
// Any of them may end while it waits. It is forgotten then, with what it keeps: there may be a flood of them.

import type { SessionCore } from "./session_core.ts";

/** How many places of those that have ended are left empty before the others move up. */
const MAX_HOLES = 16;

/** Sessions that wait to be taken. */
export class BegunSessions implements Iterable<SessionCore> {
  #cores: SessionCore[] = [];
  #first = 0;
  #count = 0;

  /** How many wait. */
  get length(): number {
    return this.#count;
  }

  /** One more has begun. */
  push(core: SessionCore): void {
    core.isUntaken = true;
    this.#cores.push(core);
    this.#count++;
  }

  /** Takes the one that waits longest, if there is one. */
  shift(): SessionCore | undefined {
    while (this.#first < this.#cores.length) {
      const core = this.#cores[this.#first++]!;
      this.#tidy();
      if (this.#leave(core)) return core;
    }
    return undefined;
  }

  /** One has ended; whether it was among those that wait. */
  delete(core: SessionCore): boolean {
    if (!this.#leave(core)) return false;
    this.#tidy();
    return true;
  }

  /** Those that wait now. */
  [Symbol.iterator](): IterableIterator<SessionCore> {
    return this.#waiting().values();
  }

  #leave(core: SessionCore): boolean {
    if (!core.isUntaken) return false;
    core.isUntaken = false;
    this.#count--;
    return true;
  }

  #tidy(): void {
    if (this.#cores.length <= 2 * this.#count + MAX_HOLES) return;
    this.#cores = this.#waiting();
    this.#first = 0;
  }

  #waiting(): SessionCore[] {
    return this.#cores.slice(this.#first).filter(({ isUntaken }) => isUntaken);
  }
}
