// The answers that a connection owes: in the order of the requests, or by id. What comes is given to the one it is
// for, or to nobody.

import { shown } from "../base/arguments.ts";
import { handlerError, refusePromise } from "../base/user_code.ts";
import { Line } from "../listener/line.ts";
import type { Request } from "./request.ts";
import { requestError } from "./request_error.ts";
import { isId, type RequestId } from "./requests_config.ts";

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
  /** Whether there is an id for one more. */
  readonly hasRoom: boolean;
  /**
   * Gives a request its id. It counts from now on, while user code makes its message.
   *
   * @returns The number that makes the message.
   * @throws {RequestError} `"busy"`: the id is in use, or all are.
   */
  name(request: Request<Q, A>): number;
  /** The one that was named last is sent. */
  add(request: Request<Q, A>): void;
  /** The one that was named last is not sent. */
  forget(request: Request<Q, A>): void;
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
  /** Those whose messages are being made: one may send another one. */
  #making: Request<Q, A>[] = [];
  readonly hasRoom = true;
  awaited = 0;
  #count = 0;

  get length(): number {
    return this.#line.length + this.#making.length;
  }

  name(request: Request<Q, A>): number {
    this.#making.push(request);
    this.awaited++;
    return this.#count = this.#count % Number.MAX_SAFE_INTEGER + 1;
  }

  add(request: Request<Q, A>): void {
    this.#making.pop();
    this.#line.append(request);
  }

  forget({ isGivenUp }: Request<Q, A>): void {
    this.#making.pop();
    if (!isGivenUp) this.awaited--;
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
    return [...this.#line, ...this.#making].filter(({ isGivenUp }) => !isGivenUp);
  }

  takeAll(): Request<Q, A>[] {
    const all = this.all();
    for (const request of this.#line) this.#line.remove(request);
    this.#making = [];
    this.awaited = 0;
    return all;
  }
}

/**
 * So many made ids of requests that were given up are remembered one by one: a server may never answer them. Beyond
 * that the oldest, and all below it, are never made again.
 */
const MOST_REMEMBERED = 100_000;

/** So many chosen ids of requests that were given up are remembered; then no more requests are sent. */
const MOST_CHOSEN = 1_000_000;

/** Answers have ids. An id whose answer may still come is not used again. */
export class ById<Q, A> implements Owed<Q, A> {
  readonly #idOf: (message: A) => RequestId | undefined;
  readonly #maxId: number;
  readonly #requests = new Map<RequestId, Request<Q, A>>();
  /** Of those that were given up: made ids, and ids that the user chose. */
  readonly #madeGivenUp = new Set<RequestId>();
  readonly #chosenGivenUp = new Set<RequestId>();
  /** How many ids that could be made are in the collections above. */
  #taken = 0;
  /** Ids up to this one are not made any more. */
  #floor = 0;
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

  get hasRoom(): boolean {
    return this.#taken < this.#maxId - this.#floor && this.#chosenGivenUp.size < MOST_CHOSEN;
  }

  /** Whether a request with that id waits for its answer, or its answer may still come. */
  isTaken(id: RequestId): boolean {
    return this.#requests.has(id) || this.#madeGivenUp.has(id) || this.#chosenGivenUp.has(id) ||
      typeof id === "number" && id >= 1 && id <= this.#floor;
  }

  name(request: Request<Q, A>): number {
    const chosen = request.options?.id;
    const id = chosen ?? this.#make(request);
    if (chosen !== undefined && this.isTaken(chosen)) {
      throw requestError("busy", `a request with the id ${chosen} is under way`, request.hasLeft);
    }
    request.id = id;
    this.#requests.set(id, request);
    if (this.#isMakeable(id)) this.#taken++;
    return typeof id === "number" ? id : NaN;
  }

  #make({ hasLeft }: Request<Q, A>): number {
    if (!this.hasRoom) throw requestError("busy", "all ids are in use", hasLeft);
    do this.#last = Math.max(this.#last >= this.#maxId ? 0 : this.#last, this.#floor) + 1; while (
      this.isTaken(this.#last)
    );
    return this.#last;
  }

  #isMakeable(id: RequestId): boolean {
    return typeof id === "number" && id >= 1 && id <= this.#maxId && Number.isInteger(id);
  }

  add(): void {}

  forget({ id }: Request<Q, A>): void {
    if (
      (this.#requests.delete(id!) || this.#madeGivenUp.delete(id!) ||
        this.#chosenGivenUp.delete(id!)) && this.#isMakeable(id!)
    ) this.#taken--;
  }

  giveUp({ id, options }: Request<Q, A>): void {
    if (!this.#requests.delete(id!)) return;
    if (options?.id !== undefined) {
      this.#chosenGivenUp.add(id!);
      return;
    }
    this.#madeGivenUp.add(id!);
    if (this.#madeGivenUp.size <= MOST_REMEMBERED) return;
    const [oldest] = this.#madeGivenUp as Set<number>;
    this.#madeGivenUp.delete(oldest!);
    this.#taken--;
    this.#floor = Math.max(this.#floor, oldest!);
  }

  match(message: A): Match<Q, A> {
    let id: RequestId | undefined;
    try {
      id = this.#idOf(message);
      if (!isId(id) && id !== undefined) {
        refusePromise("idOf", id);
        throw new TypeError(`idOf must give a number, a string or undefined: got ${shown(id)}`);
      }
    } catch (thrown) {
      throw handlerError("idOf", thrown);
    }
    if (id === undefined) return PUSH;
    const request = this.#requests.get(id);
    const isKnown = request === undefined
      ? this.#madeGivenUp.delete(id) || this.#chosenGivenUp.delete(id)
      : this.#requests.delete(id);
    if (!isKnown) return UNKNOWN;
    if (this.#isMakeable(id)) this.#taken--;
    return request ?? LATE;
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
