// The answers that a connection owes: in the order of the requests, or by id. What comes is given to the one it is
// for, or to nobody.

import { handlerError, refusePromise } from "../base/user_code.ts";
import { Line } from "../listener/line.ts";
import type { Request } from "./request.ts";
import type { RequestId } from "./requests_config.ts";

/** What a message turned out to be. */
export const LATE: unique symbol = Symbol("late");
export const PUSH: unique symbol = Symbol("push");
export const UNKNOWN: unique symbol = Symbol("unknown");

/** Whose answer a message is, or what else it is. */
export type Match<Q, A> = Request<Q, A> | typeof LATE | typeof PUSH | typeof UNKNOWN;

/** The answers that are owed. */
export interface Owed<Q, A> {
  /** How many count towards the most that may be in flight. */
  readonly length: number;
  /** How many somebody waits for. */
  readonly awaited: number;
  /** Gives a request its id. @returns The number that makes the message. */
  name(request: Request<Q, A>): number;
  /** It was sent. */
  add(request: Request<Q, A>): void;
  /** Nobody waits for it any more. */
  giveUp(request: Request<Q, A>): void;
  /** Whose answer it is; it is not owed any more. @throws {GenericError} The user's function threw. */
  match(message: A): Match<Q, A>;
  /** Those that somebody waits for, in the order in which they were sent. */
  all(): Request<Q, A>[];
  /** The same; nothing is owed any more. */
  takeAll(): Request<Q, A>[];
}

/** Answers come in order. What was given up keeps its place: its answer still comes. */
export class InOrder<Q, A> implements Owed<Q, A> {
  readonly #line = new Line<Request<Q, A>>();
  awaited = 0;
  #count = 0;

  get length(): number {
    return this.#line.length;
  }

  name(): number {
    return this.#count = this.#count % Number.MAX_SAFE_INTEGER + 1;
  }

  add(request: Request<Q, A>): void {
    this.#line.append(request);
    this.awaited++;
  }

  giveUp(): void {
    this.awaited--;
  }

  match(): Match<Q, A> {
    const { first } = this.#line;
    if (first === undefined) return UNKNOWN;
    this.#line.remove(first);
    if (first.isGivenUp) return LATE;
    this.awaited--;
    return first;
  }

  all(): Request<Q, A>[] {
    return [...this.#line].filter(({ isGivenUp }) => !isGivenUp);
  }

  takeAll(): Request<Q, A>[] {
    const all = this.all();
    for (const request of this.#line) this.#line.remove(request);
    this.awaited = 0;
    return all;
  }
}

/** So many ids of requests that were given up are remembered: a server may never answer them. */
const MOST_REMEMBERED = 10_000;

/** Answers have ids. */
export class ById<Q, A> implements Owed<Q, A> {
  readonly #idOf: (message: A) => RequestId | undefined;
  readonly #maxId: number;
  readonly #requests = new Map<RequestId, Request<Q, A>>();
  readonly #givenUp = new Set<RequestId>();
  #last = 0;

  constructor(idOf: (message: A) => RequestId | undefined, maxId: number) {
    this.#idOf = idOf;
    this.#maxId = maxId;
  }

  get length(): number {
    return this.#requests.size;
  }

  get awaited(): number {
    return this.#requests.size;
  }

  /** Whether a request with that id waits for its answer, or its answer may still come. */
  isTaken(id: RequestId): boolean {
    return this.#requests.has(id) || this.#givenUp.has(id);
  }

  name(request: Request<Q, A>): number {
    const chosen = request.options?.id;
    if (chosen !== undefined) {
      request.id = chosen;
      return typeof chosen === "number" ? chosen : NaN;
    }
    do this.#last = this.#last >= this.#maxId ? 1 : this.#last + 1; while (
      this.isTaken(this.#last)
    );
    request.id = this.#last;
    return this.#last;
  }

  add(request: Request<Q, A>): void {
    this.#requests.set(request.id!, request);
  }

  giveUp({ id }: Request<Q, A>): void {
    this.#requests.delete(id!);
    this.#givenUp.add(id!);
    // Most of the ids must stay free.
    if (this.#givenUp.size <= Math.min(MOST_REMEMBERED, this.#maxId / 4)) return;
    const [oldest] = this.#givenUp;
    this.#givenUp.delete(oldest!);
  }

  match(message: A): Match<Q, A> {
    let id: RequestId | undefined;
    try {
      id = this.#idOf(message);
      if (typeof id === "object") refusePromise("idOf", id);
    } catch (thrown) {
      throw handlerError("idOf", thrown);
    }
    if (id === undefined) return PUSH;
    const request = this.#requests.get(id);
    if (request !== undefined) {
      this.#requests.delete(id);
      return request;
    }
    return this.#givenUp.delete(id) ? LATE : UNKNOWN;
  }

  all(): Request<Q, A>[] {
    return [...this.#requests.values()];
  }

  takeAll(): Request<Q, A>[] {
    const all = this.all();
    this.#requests.clear();
    return all;
  }
}
