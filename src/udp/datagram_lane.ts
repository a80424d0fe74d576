// One order of sending: one send under way at a time, because the runtime may send what is not awaited in
// reverse order.
//
// Most datagrams find nothing under way. Then the sender gets the promise of the send itself, and no second promise
// is made. Only a datagram that must wait becomes an object in a queue.

import { brokenError, ignore, rejected, setupError, type SocketError } from "../base/errors.ts";
import { formatAddress } from "../base/address.ts";
import { Fifo } from "./fifo.ts";
import type { DatagramAddress, DatagramSocket } from "../network/network.ts";

/** A datagram that waits. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  readonly target: DatagramAddress;
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
export class DatagramLane {
  /** Called when a datagram was sent or failed. */
  readonly #onSettled: OnSettled;
  #socket: DatagramSocket | undefined;
  /** Whether the socket can send without a promise. */
  #canTry = false;
  readonly #queue = new Fifo<Outgoing>();
  #isBusy = false;
  /** The send that is under way. */
  #length = 0;
  #target: DatagramAddress | undefined;
  #sending: Promise<number> | undefined;
  #onSent: ((length: number) => void) | undefined;
  #onFailed: ((error: SocketError) => void) | undefined;

  /** @param onSettled Called for each datagram. */
  constructor(onSettled: OnSettled) {
    this.#onSettled = onSettled;
  }

  /** Whether a send is under way. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Whether nothing is under way and nothing waits. */
  get isEmpty(): boolean {
    return !this.#isBusy && this.#queue.length === 0;
  }

  /** Whether the next datagram can be sent at once. */
  get isFree(): boolean {
    return this.isEmpty && this.#socket !== undefined;
  }

  /** Sends it after those that wait. */
  add(datagram: Outgoing): void {
    if (this.isFree) this.#begin(datagram);
    else this.#queue.push(datagram);
  }

  /** Begins to send: until then all datagrams wait. */
  open(socket: DatagramSocket): void {
    this.#socket = socket;
    this.#canTry = socket.trySend !== undefined;
    this.#next();
  }

  /** Removes the datagrams whose sending has not begun. */
  takeAll(): Outgoing[] {
    return this.#queue.clear();
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
    return this.#sending = this.#begun(bytes, target).then(this.#sent, this.#failed);
  }

  #begun(bytes: Uint8Array, target: DatagramAddress): Promise<number> {
    try {
      return this.#socket!.send(bytes, target);
    } catch (error) {
      // An engine may refuse a target at once. The datagrams behind it are sent all the same.
      return Promise.reject(error);
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
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#begin(next);
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
  if (cause instanceof Deno.errors.BadResource || cause instanceof Deno.errors.Interrupted) {
    return brokenError(action, cause);
  }
  return setupError(action, cause);
}
