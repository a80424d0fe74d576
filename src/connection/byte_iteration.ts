// The loop over a connection's bytes: one wait object for the whole loop, no generator, one promise a step.

import { closedError, codeOf } from "../base/errors.ts";
import { Iteration, OVER } from "../base/iteration.ts";
import type { Reader, Wait } from "./reader.ts";

type Step = IteratorResult<Uint8Array<ArrayBuffer>, undefined>;

/** How it reads. */
export interface IterationLimits {
  /** How long a step waits for a byte. */
  readonly readTimeoutInMillis: number;
}

/** Iterates over bytes as they arrive. Leaving the loop leaves the rest to the next reader. */
export class ByteIteration extends Iteration<Uint8Array<ArrayBuffer>> implements Wait {
  /** How many bytes must be there for a step. */
  readonly length = 1;
  readonly #reader: Reader;
  readonly #limits: IterationLimits;
  readonly #lends: boolean;
  #resolve: ((step: Step) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  /** @param reader Whose bytes. @param limits How it reads. @param lends Whether bytes are lent until the next step. */
  constructor(reader: Reader, limits: IterationLimits, lends: boolean) {
    super();
    this.#reader = reader;
    this.#limits = limits;
    this.#lends = lends;
  }

  protected step(): Promise<Step> {
    const reader = this.#reader;
    if (this.#lends) reader.endLoan();
    if (!reader.isWaiting && reader.mayHave(1)) {
      try {
        return Promise.resolve(this.#take());
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => {
      reader.refuseSecond();
      this.#resolve = resolve;
      this.#reject = reject;
      reader.atLeast(this, this.#limits.readTimeoutInMillis);
    });
  }

  protected leave(): void {
    // A step that waits would take what comes for whoever reads next.
    if (this.#reader.isWaiting) this.#reader.giveUp(this, closedError("read"));
    if (this.#lends) this.#reader.endLoan();
  }

  /** Bytes or the end have arrived. */
  ready(): void {
    try {
      this.#resolve!(this.#take());
    } catch (error) {
      this.#reject!(error);
    }
  }

  /** No bytes will arrive, or not in time: a close from this side ends the loop, everything else is thrown. */
  fail(error: unknown): void {
    if (codeOf(error) === "closed") this.#resolve!(OVER);
    else this.#reject!(error);
  }

  #take(): Step {
    const reader = this.#reader;
    if (reader.queue.length === 0) return OVER;
    return { done: false, value: this.#lends ? reader.lend() : reader.take()[0] };
  }
}
