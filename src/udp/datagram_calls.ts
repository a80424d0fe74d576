// The calls of onDatagram or onBytes: one per datagram, in order of arrival, never two at once.
//
//   datagram --> onDatagram --> what it returned goes back --> the next datagram
//                    └─ throws --> onError, and the next datagram, which does not wait for it
//
// The bytes for onBytes are lent: they stay in the buffer that the socket received them into, and are not copied. While
// an async call runs, the socket receives into another buffer.

import { checkObject, contentBytes } from "../base/arguments.ts";
import { checkPort } from "../base/address.ts";
import type { SocketError } from "../base/errors.ts";
import { Loan } from "../bytes/loan.ts";
import type { ByteReply } from "../connection/service.ts";
import type { Datagram } from "./datagram.ts";
import type { DatagramAddress } from "../network/network.ts";
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
  readonly #onReply: ((length: number) => SocketError | undefined) | undefined;
  /** Who sent the datagram of the call that runs. */
  #underWay: UdpCaller | undefined;
  /** What is lent to `onBytes`. */
  #loan: Loan | undefined;
  #handled = 0;
  /** The senders whose call threw, and for whom `onError` still runs. */
  readonly #told = new Set<UdpCaller>();
  /** How many calls of `onError` run. */
  #telling = 0;

  /**
   * @param socket What replies are sent with.
   * @param onFree Called when an async call has ended: the next datagram may be handled.
   * @param overwritesLent Whether lent bytes are overwritten when the loan ends.
   * @param onReply Counts the bytes of a reply to the caller, or says why it must not be sent.
   */
  constructor(
    socket: UdpSocket,
    onFree: () => void,
    overwritesLent: boolean,
    onReply?: (length: number) => SocketError | undefined,
  ) {
    this.#onReply = onReply;
    this.#socket = socket;
    this.#onFree = onFree;
    this.#overwritesLent = overwritesLent;
  }

  /** Whether a call runs. */
  get isCalling(): boolean {
    return this.#underWay !== undefined;
  }

  /** Whether a call runs, of `onError` too. */
  get isBusy(): boolean {
    return this.isCalling || this.#telling > 0;
  }

  /** Who sent the datagram of the call that runs. */
  get underWay(): UdpCaller | undefined {
    return this.#underWay;
  }

  /** The senders whose call threw, and for whom `onError` still runs. */
  get told(): Iterable<UdpCaller> {
    return this.#told;
  }

  /** How many calls have ended. */
  get handled(): number {
    return this.#handled;
  }

  /** Handles a datagram that has its own memory. No call may run. @param peer Where its reply goes to. */
  handle(
    service: UdpService,
    caller: UdpCaller,
    peer: DatagramAddress,
    datagram: Datagram,
  ): void {
    if (service.onBytes !== undefined) {
      return this.lend(service, caller, peer, datagram.data as Uint8Array<ArrayBuffer>, false);
    }
    try {
      const reply = this.#socket.workTime.measure(() => service.onDatagram!(caller, datagram));
      if (isThenable(reply)) return void this.#finish(service, caller, peer, reply);
      if (reply !== undefined) this.#reply(service, caller, peer, reply);
      this.#handled++;
    } catch (error) {
      void this.#finish(service, caller, peer, Promise.reject(error));
    }
  }

  /**
   * Lends a datagram to `onBytes`. No call may run.
   *
   * @param peer Where its reply goes to.
   * @param isInBuffer Whether it lies in the buffer that the socket received it into, not in its own memory.
   */
  lend(
    service: UdpService,
    caller: UdpCaller,
    peer: DatagramAddress,
    bytes: Uint8Array<ArrayBuffer>,
    isInBuffer: boolean,
  ): void {
    // Its own memory stays as it is, unless it is overwritten.
    if (isInBuffer || this.#overwritesLent) (this.#loan ??= new Loan()).begin(bytes);
    try {
      const reply = this.#socket.workTime.measure(() => service.onBytes!(caller, bytes));
      if (isThenable(reply)) {
        if (isInBuffer) this.#socket.leaveBuffer();
        return void this.#finish(service, caller, peer, reply, isInBuffer ? bytes : undefined);
      }
      if (reply !== undefined) this.#replyWith(service, caller, peer, reply as ByteReply);
      this.#handled++;
    } catch (error) {
      void this.#finish(service, caller, peer, Promise.reject(error));
    }
    if (this.#loan?.end(this.#overwritesLent) === true && isInBuffer) this.#socket.leaveBuffer();
  }

  /** Nothing more is received: what is lent stays as it is. */
  retire(): void {
    this.#loan?.forget();
  }

  /** @param left The bytes that were lent, if the socket has left its buffer to the call. */
  async #finish(
    service: UdpService,
    caller: UdpCaller,
    peer: DatagramAddress,
    replying: PromiseLike<unknown>,
    left?: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    this.#underWay = caller;
    try {
      const reply = await replying;
      if (service.onBytes !== undefined) this.#replyWith(service, caller, peer, reply as ByteReply);
      else this.#reply(service, caller, peer, reply as UdpReply);
      this.#handled++;
    } catch (error) {
      void this.#report(service, caller, error, true);
    }
    const isTaken = this.#loan?.end(this.#overwritesLent);
    if (left !== undefined && isTaken === false) this.#socket.takeBack(left);
    this.#underWay = undefined;
    this.#onFree();
  }

  /** Calls `onError`. The next datagrams do not wait for it; only a stop does. */
  async #report(
    service: UdpService,
    caller: UdpCaller,
    cause: unknown,
    isThrown: boolean,
  ): Promise<void> {
    this.#telling++;
    if (isThrown) this.#told.add(caller);
    await this.#socket.workTime.measure(() => reportTo(service, caller, cause, isThrown));
    this.#telling--;
    // The datagram was handled and counted, although its reply could not be sent.
    if (isThrown) {
      this.#told.delete(caller);
      this.#handled++;
    }
    this.#onFree();
  }

  #reply(
    service: UdpService,
    caller: UdpCaller,
    peer: DatagramAddress,
    reply: UdpReply,
  ): void {
    // Null too, which the types forbid.
    if (reply === undefined || reply === null) return;
    const onFailed = this.#whenUnsent(service, caller);
    if (typeof reply === "string" || reply instanceof Uint8Array) {
      this.#post(reply, peer, onFailed);
    } else {
      checkObject("What onDatagram returned", reply as Datagram);
      const remoteHost = optionOf(reply, "remoteHost");
      const remotePort = optionOf(reply, "remotePort");
      const data = optionOf(reply, "data");
      const host = this.#socket.checkHost("remoteHost", remoteHost);
      const port = checkPort("remotePort", remotePort, 1);
      // It goes to anybody, and counts as nobody's.
      const refusal = this.#onReply?.(0);
      if (refusal !== undefined) return onFailed(refusal);
      this.#socket.post(data, host, port, onFailed);
    }
  }

  /** Sends what `onBytes` returned: one datagram or several. */
  #replyWith(
    service: UdpService,
    caller: UdpCaller,
    peer: DatagramAddress,
    reply: ByteReply,
  ): void {
    if (reply === undefined || reply === null) return;
    const onFailed = this.#whenUnsent(service, caller);
    if (Array.isArray(reply)) {
      for (const content of reply) this.#post(content, peer, onFailed);
    } else {
      this.#post(reply, peer, onFailed);
    }
  }

  #post(
    content: unknown,
    peer: DatagramAddress,
    onFailed: (error: SocketError) => void,
  ): void {
    if (this.#onReply === undefined) return this.#socket.postTo(content, peer, onFailed);
    const bytes = contentBytes(content);
    const refusal = this.#onReply(bytes.length);
    if (refusal !== undefined) return onFailed(refusal);
    this.#socket.postTo(bytes, peer, onFailed);
  }

  #whenUnsent(service: UdpService, caller: UdpCaller): (error: SocketError) => void {
    return (error) => {
      // A reply after a stop is not reported.
      if (error.code !== "closed") void this.#report(service, caller, error, false);
    };
  }
}
