// The calls of onDatagram, or of onBytes: one per datagram, in the order in which they came, never two at once.
//
//   datagram --> onDatagram --> what it returned goes back --> the next datagram
//                    └─ throws --> onError, and the next datagram, which does not wait for it
//
// What onBytes gets lies where the socket has received it, and is lent: no memory is made for it. Where the call is
// async, the socket receives elsewhere until it has settled.

import { checkObject } from "../base/arguments.ts";
import { checkPort } from "../base/address.ts";
import type { SocketError } from "../base/errors.ts";
import { Loan } from "../bytes/loan.ts";
import type { ByteReply } from "../connection/service.ts";
import type { Datagram } from "./datagram.ts";
import type { UdpCaller } from "./udp_caller.ts";
import { reportTo, type UdpReply, type UdpService } from "./udp_service.ts";
import { optionOf } from "../base/options.ts";
import type { UdpSocket } from "./udp_socket.ts";
import { isThenable } from "../base/user_code.ts";

/** The calls of `onDatagram` or `onBytes`, one at a time. */
export class DatagramCalls {
  readonly #socket: UdpSocket;
  readonly #onFree: () => void;
  readonly #overwritesLent: boolean;
  /** Whose datagram's call is under way. */
  #underWay: UdpCaller | undefined;
  /** What is lent to `onBytes`. */
  #loan: Loan | undefined;
  #handled = 0;
  /** Those whose call threw, and whom `onError` is called for. */
  readonly #told = new Set<UdpCaller>();
  /** How many errors are being told. */
  #telling = 0;

  /**
   * @param socket What answers.
   * @param onFree Called when an async call is over: the next datagram may be handled.
   * @param overwritesLent Whether lent bytes are overwritten when they are not lent any more.
   */
  constructor(socket: UdpSocket, onFree: () => void, overwritesLent: boolean) {
    this.#socket = socket;
    this.#onFree = onFree;
    this.#overwritesLent = overwritesLent;
  }

  /** Whether a call is under way. */
  get isCalling(): boolean {
    return this.#underWay !== undefined;
  }

  /** Whether a call is under way, or an error is being told. */
  get isBusy(): boolean {
    return this.isCalling || this.#telling > 0;
  }

  /** Whose datagram's call is under way. */
  get underWay(): UdpCaller | undefined {
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

  /** Handles a datagram that has memory of its own. No call must be under way. */
  handle(service: UdpService, caller: UdpCaller, datagram: Datagram): void {
    if (service.onBytes !== undefined) {
      return this.lend(service, caller, datagram.data as Uint8Array<ArrayBuffer>, false);
    }
    try {
      const reply = service.onDatagram!(caller, datagram);
      if (isThenable(reply)) return void this.#finish(service, caller, reply);
      if (reply !== undefined) this.#reply(service, caller, reply);
      this.#handled++;
    } catch (error) {
      void this.#finish(service, caller, Promise.reject(error));
    }
  }

  /**
   * Lends a datagram to `onBytes`. No call must be under way.
   *
   * @param isInBuffer Whether it lies where the socket has received it, and not in memory of its own.
   */
  lend(
    service: UdpService,
    caller: UdpCaller,
    bytes: Uint8Array<ArrayBuffer>,
    isInBuffer: boolean,
  ): void {
    // Memory of its own stays as it is, unless it is overwritten.
    if (isInBuffer || this.#overwritesLent) (this.#loan ??= new Loan()).begin(bytes);
    try {
      const reply = service.onBytes!(caller, bytes);
      if (isThenable(reply)) {
        if (isInBuffer) this.#socket.leaveBuffer();
        return void this.#finish(service, caller, reply, isInBuffer ? bytes : undefined);
      }
      if (reply !== undefined) this.#replyWith(service, caller, reply as ByteReply);
      this.#handled++;
    } catch (error) {
      void this.#finish(service, caller, Promise.reject(error));
    }
    if (this.#loan?.end(this.#overwritesLent) === true && isInBuffer) this.#socket.leaveBuffer();
  }

  /** Nothing is received any more: what is lent stays as it is. */
  retire(): void {
    this.#loan?.forget();
  }

  /** @param left What the call was lent that the socket has left to it. */
  async #finish(
    service: UdpService,
    caller: UdpCaller,
    replying: PromiseLike<unknown>,
    left?: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    this.#underWay = caller;
    try {
      const reply = await replying;
      if (service.onBytes !== undefined) this.#replyWith(service, caller, reply as ByteReply);
      else this.#reply(service, caller, reply as UdpReply);
      this.#handled++;
    } catch (error) {
      void this.#report(service, caller, error, true);
    }
    const isTaken = this.#loan?.end(this.#overwritesLent);
    if (left !== undefined && isTaken === false) this.#socket.takeBack(left);
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
    const onFailed = this.#whenUnsent(service, caller);
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

  /** Sends what `onBytes` has returned: one datagram, or several. */
  #replyWith(service: UdpService, caller: UdpCaller, reply: ByteReply): void {
    if (reply === undefined || reply === null) return;
    const onFailed = this.#whenUnsent(service, caller);
    const { remoteAddress, remotePort } = caller;
    if (Array.isArray(reply)) {
      for (const content of reply) {
        this.#socket.post(content, remoteAddress, remotePort, onFailed);
      }
    } else {
      this.#socket.post(reply, remoteAddress, remotePort, onFailed);
    }
  }

  #whenUnsent(service: UdpService, caller: UdpCaller): (error: SocketError) => void {
    return (error) => {
      // A reply that comes after a stop is no news.
      if (error.code !== "closed") void this.#report(service, caller, error, false);
    };
  }
}
