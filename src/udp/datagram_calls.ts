// The calls of onDatagram: one per datagram, in the order in which they came, never two at once.
//
//   datagram --> onDatagram --> what it returned goes back --> the next datagram
//                    └─ throws --> onError, and the next datagram, which does not wait for it

import { checkObject } from "../base/arguments.ts";
import { checkPort } from "../base/address.ts";
import type { SocketError } from "../base/errors.ts";
import type { Datagram } from "./datagram.ts";
import type { UdpCaller } from "./udp_caller.ts";
import { reportTo, type UdpReply, type UdpService } from "./udp_service.ts";
import { optionOf } from "../base/options.ts";
import type { UdpSocket } from "./udp_socket.ts";
import { isThenable } from "../base/user_code.ts";

/** The calls of `onDatagram`, one at a time. */
export class DatagramCalls {
  readonly #socket: UdpSocket;
  readonly #onFree: () => void;
  /** The datagram whose call is under way. */
  #underWay: Datagram | undefined;
  #handled = 0;
  /** Those whose call threw, and whom `onError` is called for. */
  readonly #told = new Set<UdpCaller>();
  /** How many errors are being told. */
  #telling = 0;

  /**
   * @param socket What answers.
   * @param onFree Called when an async call is over: the next datagram may be handled.
   */
  constructor(socket: UdpSocket, onFree: () => void) {
    this.#socket = socket;
    this.#onFree = onFree;
  }

  /** Whether a call is under way. */
  get isCalling(): boolean {
    return this.#underWay !== undefined;
  }

  /** Whether a call is under way, or an error is being told. */
  get isBusy(): boolean {
    return this.isCalling || this.#telling > 0;
  }

  /** The datagram whose call is under way. */
  get underWay(): Datagram | undefined {
    return this.#underWay;
  }

  /** Those whose call threw, and whom `onError` is called for. */
  get told(): Iterable<UdpCaller> {
    return this.#told;
  }

  /** How many calls are over. */
  get handled(): number {
    return this.#handled;
  }

  /** Handles a datagram. No call must be under way. */
  handle(service: UdpService, caller: UdpCaller, datagram: Datagram): void {
    try {
      const reply = service.onDatagram!(caller, datagram);
      if (isThenable(reply)) return void this.#finish(service, caller, reply, datagram);
      if (reply !== undefined) this.#reply(service, caller, reply);
      this.#handled++;
    } catch (error) {
      void this.#finish(service, caller, Promise.reject(error), datagram);
    }
  }

  async #finish(
    service: UdpService,
    caller: UdpCaller,
    replying: PromiseLike<UdpReply>,
    datagram: Datagram,
  ): Promise<void> {
    this.#underWay = datagram;
    try {
      this.#reply(service, caller, await replying);
      this.#handled++;
    } catch (error) {
      void this.#report(service, caller, error, true);
    }
    this.#underWay = undefined;
    this.#onFree();
  }

  /** Tells of an error, and those behind it do not wait; only a stop does. */
  async #report(
    service: UdpService,
    caller: UdpCaller,
    cause: unknown,
    isThrown: boolean,
  ): Promise<void> {
    this.#telling++;
    if (isThrown) this.#told.add(caller);
    await reportTo(service, caller, cause, isThrown);
    this.#telling--;
    // What could not be sent was handled all the same, and is counted already.
    if (isThrown) {
      this.#told.delete(caller);
      this.#handled++;
    }
    this.#onFree();
  }

  #reply(service: UdpService, caller: UdpCaller, reply: UdpReply): void {
    // Also null, which the types forbid.
    if (reply === undefined || reply === null) return;
    const onFailed = (error: SocketError) => {
      // A reply that comes after a stop is no news.
      if (error.code !== "closed") void this.#report(service, caller, error, false);
    };
    if (typeof reply === "string" || reply instanceof Uint8Array) {
      this.#socket.post(reply, caller.remoteAddress, caller.remotePort, onFailed);
    } else {
      checkObject("What onDatagram returned", reply as Datagram);
      const remoteHost = optionOf(reply, "remoteHost");
      const remotePort = optionOf(reply, "remotePort");
      const data = optionOf(reply, "data");
      const host = this.#socket.checkHost("remoteHost", remoteHost);
      this.#socket.post(data, host, checkPort("remotePort", remotePort, 1), onFailed);
    }
  }
}
