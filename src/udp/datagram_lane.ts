// One order of sending: one send under way at a time, because the runtime may send what is not awaited in
// reverse order.
//
// Most datagrams find nothing under way. Then the sender gets the promise of the send itself, and no second promise
// is made. Only a datagram that must wait becomes an object in a queue.
//
// Where the socket sends many datagrams with one call, those of one turn are kept together: the answers to a batch that
// was received until its end, others until the microtasks of the turn are over. A loop that awaits its sends has to wait
// for its turns: such a socket sends at once.

import { brokenError, closedError, ignore, rejected, type SocketError } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import { formatAddress } from "../base/address.ts";
import { shown } from "../base/arguments.ts";
import { refusePromise } from "../base/user_code.ts";
import { Fifo } from "./fifo.ts";
import { isCount } from "../network/counts.ts";
import type { DatagramAddress, DatagramSocket, OutgoingDatagram } from "../network/network.ts";
import type { Turn, Turns } from "../network/turns.ts";

/** So many datagrams are sent together at most: more gain nothing, and those that receive them should begin. */
const MOST_TOGETHER = 64;

/** A datagram that waits. */
export interface Outgoing extends OutgoingDatagram {
  /** Called when it was sent. */
  readonly onSent: ((length: number) => void) | undefined;
  /** Called when it could not be sent. */
  readonly onFailed: (error: SocketError) => void;
}

/** Gets the lane, the length and the target of a datagram, and whether it was sent. */
export type OnSettled = (
  lane: DatagramLane,
  length: number,
  target: DatagramAddress,
  isSent: boolean,
) => void;

/** One order of sending. */
export class DatagramLane implements Turn {
  readonly #turns: Turns;
  /** Called when a datagram was sent or failed. */
  readonly #onSettled: OnSettled;
  #socket: DatagramSocket | undefined;
  /** Whether the socket can send without a promise. */
  #canTry = false;
  /** Whether it can send many with one call. */
  #canTryAll = false;
  /** Those that are kept together, and whether for the time of a batch. */
  #together: Outgoing[] = [];
  #isHolding = false;
  /** Whether it waits for its turn. */
  #isScheduled = false;
  readonly #queue = new Fifo<Outgoing>();
  #isBusy = false;
  /** The send that is under way. */
  #length = 0;
  #target: DatagramAddress | undefined;
  #sending: Promise<number> | undefined;
  #onSent: ((length: number) => void) | undefined;
  #onFailed: ((error: SocketError) => void) | undefined;

  /** @param turns When it begins. @param onSettled Called for each datagram. */
  constructor(turns: Turns, onSettled: OnSettled) {
    this.#turns = turns;
    this.#onSettled = onSettled;
  }

  /** Whether a send is under way. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Whether nothing is under way and nothing waits. */
  get isEmpty(): boolean {
    return !this.#isBusy && this.#queue.length === 0 && this.#together.length === 0;
  }

  /** Whether the next datagram is sent at once, by {@linkcode DatagramLane.send}. */
  get sendsAtOnce(): boolean {
    return !this.#canTryAll && this.isEmpty && this.#socket !== undefined;
  }

  /** Sends it after those that wait. */
  add(datagram: Outgoing): void {
    if (this.#isBusy || this.#queue.length > 0 || this.#socket === undefined) {
      this.#queue.push(datagram);
    } else if (this.#canTryAll) {
      this.#keep(datagram);
    } else {
      this.#begin(datagram);
    }
  }

  #keep(datagram: Outgoing): void {
    const count = this.#together.push(datagram);
    if (count === MOST_TOGETHER) this.flush();
    else if (count === 1 && !this.#isHolding) this.#askForTurn();
  }

  #askForTurn(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#turns.write(this);
  }

  /** It is its turn. */
  begin(): void {
    this.#isScheduled = false;
    this.flush();
  }

  /** Keeps datagrams together until {@linkcode DatagramLane.release}. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Sends those that were kept together. */
  release(): void {
    this.#isHolding = false;
    this.flush();
  }

  /** Sends those that are kept together, now. */
  flush(): void {
    if (this.#together.length === 0) return;
    this.#flush();
    this.#next();
  }

  #flush(): void {
    const datagrams = this.#together;
    // What is added while these are told of their fate waits behind those that are left.
    this.#isBusy = true;
    this.#together = [];
    const done = this.#tryAll(datagrams);
    this.#isBusy = false;
    if (done < datagrams.length) {
      const behind = this.#queue.clear();
      for (let i = done + 1; i < datagrams.length; i++) this.#queue.push(datagrams[i]!);
      for (const datagram of behind) this.#queue.push(datagram);
      const { bytes, target, onSent, onFailed } = datagrams[done]!;
      this.#onSent = onSent;
      this.#onFailed = onFailed;
      void this.#send(bytes, target);
    }
  }

  /** Sends until one must wait. Returns how many were sent or have failed. */
  #tryAll(datagrams: readonly Outgoing[]): number {
    let done = 0;
    while (done < datagrams.length) {
      let sent: number;
      let failure: SocketError | undefined;
      try {
        sent = this.#socket!.trySendAll!(datagrams, done);
        if (sent === 0) return done;
        const left = datagrams.length - done;
        if (!isCount(sent, left)) {
          refusePromise("a socket's trySendAll", sent);
          throw new TypeError(
            `a socket's trySendAll sends at most the ${left} left; it sent ${sent}`,
          );
        }
      } catch (cause) {
        failure = sendError(datagrams[done]!.target, cause);
        sent = 1;
      }
      for (const end = done + sent; done < end; done++) {
        const { bytes, target, onSent, onFailed } = datagrams[done]!;
        const { length } = bytes;
        this.#onSettled(this, length, target, failure === undefined);
        if (failure === undefined) onSent?.(length);
        else onFailed(failure);
      }
    }
    return done;
  }

  /** Begins to send: until then all datagrams wait. */
  open(socket: DatagramSocket): void {
    this.#socket = socket;
    this.#canTry = socket.trySend !== undefined;
    this.#canTryAll = socket.trySendAll !== undefined;
    this.#next();
  }

  /** Where the datagrams go that wait, or are under way. */
  *targets(): Generator<DatagramAddress> {
    if (this.#isBusy && this.#target !== undefined) yield this.#target;
    for (const { target } of this.#together) yield target;
    for (const { target } of this.#queue.all()) yield target;
  }

  /** Removes the datagrams whose sending has not begun. */
  takeAll(): Outgoing[] {
    return [...this.#together.splice(0), ...this.#queue.clear()];
  }

  /**
   * Sends a datagram at once; the lane must be free.
   *
   * @returns The outcome. It need not be awaited.
   */
  send(bytes: Uint8Array, target: DatagramAddress): Promise<number> {
    const fate = this.#canTry ? this.#trySend(bytes, target) : undefined;
    if (fate === undefined) return this.#send(bytes, target);
    return typeof fate === "number" ? Promise.resolve(fate) : rejected(fate);
  }

  /** Sends without a promise: returns the length or the failure, or `undefined` if it must wait. */
  #trySend(bytes: Uint8Array, target: DatagramAddress): number | SocketError | undefined {
    let fate: number | SocketError | undefined;
    try {
      fate = this.#socket!.trySend!(bytes, target);
      if (typeof fate !== "number" && fate !== undefined) {
        refusePromise("a socket's trySend", fate);
        throw new TypeError(
          `a socket's trySend gives a count, or undefined; it gave ${shown(fate)}`,
        );
      }
    } catch (cause) {
      fate = sendError(target, cause);
    }
    if (fate !== undefined) {
      this.#onSettled(this, bytes.length, target, typeof fate === "number");
    }
    return fate;
  }

  #send(bytes: Uint8Array, target: DatagramAddress): Promise<number> {
    this.#isBusy = true;
    this.#length = bytes.length;
    this.#target = target;
    return this.#sending = this.#begun(bytes, target);
  }

  #begun(bytes: Uint8Array, target: DatagramAddress): Promise<number> {
    try {
      return this.#socket!.send(bytes, target).then(this.#sent, this.#failed);
    } catch (error) {
      // An engine may refuse a target at once. The datagrams behind it are sent all the same.
      return Promise.reject(error).then(this.#sent, this.#failed);
    }
  }

  #begin({ bytes, target, onSent, onFailed }: Outgoing): void {
    const fate = this.#canTry ? this.#trySend(bytes, target) : undefined;
    if (typeof fate === "number") return onSent?.(fate);
    if (fate !== undefined) return onFailed(fate);
    this.#onSent = onSent;
    this.#onFailed = onFailed;
    void this.#send(bytes, target);
  }

  #next(): void {
    while (!this.#isBusy) {
      if (this.#together.length === MOST_TOGETHER) {
        this.#flush();
        continue;
      }
      const next = this.#queue.shift();
      if (next !== undefined) {
        if (this.#canTryAll) this.#together.push(next);
        else this.#begin(next);
      } else if (this.#together.length > 0) {
        this.#flush();
      } else {
        return;
      }
    }
  }

  readonly #sent = (length: number): number => {
    const onSent = this.#onSent;
    this.#end(true);
    onSent?.(length);
    return length;
  };

  readonly #failed = (cause: unknown): never => {
    const error = sendError(this.#target!, cause);
    const onFailed = this.#onFailed;
    this.#sending!.catch(ignore);
    this.#end(false);
    onFailed?.(error);
    throw error;
  };

  /** A send has ended: the next datagram is sent first, then this one is settled. */
  #end(isSent: boolean): void {
    const length = this.#length;
    const target = this.#target!;
    this.#isBusy = false;
    this.#onSent = this.#onFailed = undefined;
    this.#next();
    this.#onSettled(this, length, target, isSent);
  }
}

/** Why a datagram could not be sent. */
export function sendError({ hostname, port }: DatagramAddress, cause: unknown): SocketError {
  const action = `Cannot send to ${formatAddress(hostname, port)}`;
  // Only a close from this side interrupts a send.
  if (cause instanceof Deno.errors.Interrupted) return closedError("send");
  if (cause instanceof Deno.errors.BadResource) return brokenError(action, cause);
  return setupError(action, cause);
}
