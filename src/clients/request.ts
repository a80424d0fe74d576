// One request, from its sending to its answer.

import type { InLine } from "../listener/line.ts";
import type { RequestId, RequestOptions } from "./requests_config.ts";

/** A request: in the line of those that wait, or of those that a connection owes an answer. */
export class Request<Q, A> implements InLine<Request<Q, A>> {
  before: Request<Q, A> | undefined;
  behind: Request<Q, A> | undefined;
  /** When it is given up. */
  due = Infinity;
  /** The id that it was sent with, where answers have ids. */
  id: RequestId | undefined;
  /** Where it begins in what its connection sends, or somewhat before; -1 while it waits. */
  at = -1;
  /** The message, as it was sent last. */
  sent: Q | undefined;
  /** How often it was sent again although it may have been handled. */
  repeats = 0;
  /** Whether nobody waits for the answer any more. */
  isGivenUp = false;
  /** Who owes the answer; `undefined` while it waits. */
  owner: Owner<Q, A> | undefined;
  /** Stops listening to the signal, if there is one. */
  release: (() => void) | undefined;

  /**
   * @param message What is sent, or what makes it of an id.
   * @param options How.
   * @param timeoutInMillis How long it may take.
   * @param resolve Takes the answer.
   * @param reject Takes what it fails with.
   */
  constructor(
    readonly message: Q | ((id: number) => Q),
    readonly options: RequestOptions | undefined,
    readonly timeoutInMillis: number,
    readonly resolve: (answer: A) => void,
    readonly reject: (error: unknown) => void,
  ) {}

  /** Whether the server may have handled it: bytes of it were offered to the system, on whichever connection. */
  get hasLeft(): boolean {
    return this.repeats > 0 || this.owner?.hasLeft(this) === true;
  }

  /** Whether any of it has left, or still will although it is given up. */
  get mayLeave(): boolean {
    return this.repeats > 0 || this.owner?.mayLeave(this) === true;
  }

  /** What is sent. @param number What makes it, where a function does. */
  messageOf(number: number): Q {
    const { message } = this;
    return typeof message === "function" ? (message as (id: number) => Q)(number) : message;
  }

  /** It is answered. */
  succeed(answer: A): void {
    this.release?.();
    this.resolve(answer);
  }

  /** It is given up. */
  fail(error: unknown): void {
    this.isGivenUp = true;
    this.release?.();
    this.reject(error);
  }
}

/** The connection that owes answers. */
export interface Owner<Q, A> {
  /** How many answers have come whose id nobody waits for. */
  readonly strangers: number;
  /** Whether the system was offered bytes of it on this connection. */
  hasLeft(request: Request<Q, A>): boolean;
  /** Whether any of it has left, or still will: what was written goes out, though nobody waits for the answer. */
  mayLeave(request: Request<Q, A>): boolean;
  /** Nobody waits for its answer any more. */
  giveUp(request: Request<Q, A>): void;
}
