// What accepts streams on a socket of this engine.

import type { NetworkAddress } from "../../base/address.ts";
import type { Transport, TransportListener } from "../transport.ts";
import { EPOLLET, EPOLLIN } from "./abi.ts";
import { isExpected, systemError } from "./errno.ts";
import { type EventHandler, eventLoop } from "./loop.ts";
import { acceptFrom, closeDescriptor } from "./socket.ts";

/** After so many that did not have to wait, others go first. */
const MOST_IN_A_TURN = 32;

/** Makes a stream of what was accepted; the descriptor is its own when it returns. */
export type Accepted = (descriptor: number, from: NetworkAddress) => Transport;

/** Accepts from a descriptor that listens, which is its own from now on. */
export class LinuxListener implements TransportListener, EventHandler {
  readonly addr: NetworkAddress;
  readonly isShared: boolean;
  readonly #loop = eventLoop();
  readonly #accepted: Accepted;
  /** -1 when it was freed. */
  #descriptor: number;
  #mayAccept = true;
  /** Whether somebody is known to wait: it was told, and nobody was accepted since. */
  #isTold = false;
  #inThisTurn = 0;
  #waiting: PromiseWithResolvers<Transport> | undefined;

  /**
   * @param descriptor A socket that listens.
   * @param addr Its address.
   * @param accepted Makes a stream of each.
   * @param isShared Whether others have the same socket.
   * @throws {Error} The loop has no room for it; it is still the caller's then.
   */
  constructor(
    descriptor: number,
    addr: NetworkAddress,
    accepted: Accepted,
    isShared = false,
  ) {
    this.#descriptor = descriptor;
    this.addr = addr;
    this.#accepted = accepted;
    this.isShared = isShared;
    this.#loop.register(descriptor, this, EPOLLIN | EPOLLET);
  }

  onEvents(): void {
    this.#mayAccept = this.#isTold = true;
    if (this.#waiting !== undefined) this.#goOn(this.#waiting);
  }

  tryAccept(): Transport | undefined {
    if (this.#descriptor < 0 || this.#waiting !== undefined) return undefined;
    if (!this.#mayAccept || this.#inThisTurn >= MOST_IN_A_TURN) return undefined;
    const transport = this.#take();
    if (transport !== undefined && this.#inThisTurn++ === 0) {
      this.#loop.afterTurn(() => this.#inThisTurn = 0);
    }
    return transport;
  }

  accept(): Promise<Transport> {
    if (this.#descriptor < 0) return Promise.reject(freed());
    if (this.#waiting !== undefined) {
      return Promise.reject(new Deno.errors.Busy("Another accept task is ongoing"));
    }
    try {
      const transport = this.tryAccept();
      if (transport !== undefined) return Promise.resolve(transport);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#loop.hold();
    const waiting = this.#waiting = Promise.withResolvers<Transport>();
    if (this.#mayAccept) this.#loop.afterTurn(() => this.#goOn(waiting));
    return waiting.promise;
  }

  #goOn(waiting: PromiseWithResolvers<Transport>): void {
    if (this.#waiting !== waiting) return;
    try {
      const transport = this.#take();
      if (transport === undefined) return;
      waiting.resolve(transport);
    } catch (error) {
      waiting.reject(error);
    }
    this.#waiting = undefined;
    this.#loop.release();
  }

  /** Takes who waits, if anybody does. */
  #take(): Transport | undefined {
    // A look at errno that wrongly finds nobody there would leave who waits until the next one comes.
    const accepted = acceptFrom(this.#descriptor, "tcp", !this.#isTold);
    this.#isTold = false;
    if (typeof accepted === "number") {
      // After any other failure the same one still waits there.
      if (!isExpected(-accepted)) throw systemError(-accepted, "accept4");
      this.#mayAccept = false;
      return undefined;
    }
    try {
      return this.#accepted(accepted.descriptor, accepted.from);
    } catch (error) {
      closeDescriptor(accepted.descriptor);
      throw error;
    }
  }

  close(): void {
    if (this.#descriptor < 0) throw freed();
    const descriptor = this.#descriptor;
    this.#descriptor = -1;
    this.#loop.unregister(descriptor, this.isShared);
    closeDescriptor(descriptor);
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    this.#loop.release();
    // Nothing is left of the wait when it is told.
    void this.#loop.rested().then(() => waiting.reject(freed()));
  }
}

function freed(): Error {
  return new Deno.errors.BadResource("Listener has been closed");
}
