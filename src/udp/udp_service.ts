// The callback face of UDP: one call per datagram, in the order in which they came, never two at once.
//
//   datagram --> onDatagram --> what it returned goes back --> the next datagram
//                    └─ throws --> onError, and the next datagram, which does not wait for it

import { checkObject } from "../base/arguments.ts";
import { checkPort } from "../base/address.ts";
import { isError, type SocketError } from "../base/errors.ts";
import type { Datagram } from "./datagram.ts";
import { DatagramCaller, type UdpCaller } from "./udp_caller.ts";
import { methodsOf } from "../base/service_methods.ts";
import type { UdpSession } from "./udp_session.ts";
import type { UdpSocket } from "./udp_socket.ts";
import { handlerError, isThenable, printThrown } from "../base/user_code.ts";

/** What `onDatagram` may answer: content for the caller, a datagram for anybody, or nothing. */
export type UdpReply = Uint8Array | string | Datagram | void;

/**
 * What is called for datagrams, or for sessions: `onDatagram` or `onSession`, one of them. `this` is the
 * service. A method must not await its own listener's `gracefulStop`, which waits for the method.
 *
 * @see The `udp` module of Ballerina, whose services have the same methods
 */
export interface UdpService {
  /**
   * A datagram came. Called in the order of arrival, and, where it is async, again only when it has settled:
   * what takes long is better begun here and not awaited.
   *
   * @returns What goes back, as one datagram.
   */
  onDatagram?(caller: UdpCaller, datagram: Datagram): UdpReply | Promise<UdpReply>;
  /**
   * The first datagram of a peer came; the session gives it and all that follow. Sessions do not wait for
   * each other. A session whose `onSession` throws is closed; otherwise it lives until it is closed, has been
   * idle too long, or the listener stops.
   */
  onSession?(session: UdpSession): void | Promise<void>;
  /**
   * A method of this service threw, or what it returned could not be sent. The listener goes on: the next
   * datagram does not wait until this has settled, so that its calls may overlap. Without this method the one is
   * printed with `console.error`, the other passed over.
   */
  onError?(caller: UdpCaller, error: Error): void | Promise<void>;
}

const METHODS = ["onDatagram", "onSession", "onError"] as const;

/**
 * Reads the methods of a service: what is called is what was there then.
 *
 * @throws {TypeError} It has not one that gets datagrams, or one that is misspelled.
 */
export function readUdpService(service: unknown): UdpService {
  const methods = methodsOf<UdpService>(service, METHODS);
  if ((methods.onDatagram === undefined) === (methods.onSession === undefined)) {
    throw new TypeError("service must have either onDatagram or onSession");
  }
  return methods;
}

/** Tells the service what went wrong; what cannot be told is printed. */
export async function reportTo(
  service: UdpService,
  caller: UdpCaller,
  cause: unknown,
  isThrown: boolean,
): Promise<void> {
  if (service.onError === undefined) {
    if (isThrown) printThrown(cause);
    return;
  }
  try {
    const error = isError(cause) ? cause : handlerError("A method of the service", cause);
    await service.onError(caller, error);
  } catch (error) {
    printThrown(error);
  }
}

/** The calls of `onDatagram`, one at a time. */
export class DatagramCalls {
  readonly #socket: UdpSocket;
  readonly #onFree: () => void;
  /** The datagram whose call is under way. */
  #underWay: Datagram | undefined;
  #handled = 0;
  /** Those whom `onError` is called for. */
  readonly #told = new Set<UdpCaller>();

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
    return this.isCalling || this.#told.size > 0;
  }

  /** The datagram whose call is under way. */
  get underWay(): Datagram | undefined {
    return this.#underWay;
  }

  /** Those whom `onError` is called for. */
  get told(): Iterable<UdpCaller> {
    return this.#told;
  }

  /** How many calls are over. */
  get handled(): number {
    return this.#handled;
  }

  /** Handles a datagram. No call must be under way. */
  handle(service: UdpService, datagram: Datagram): void {
    const caller = new DatagramCaller(this.#socket, datagram);
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
    this.#told.add(caller);
    await reportTo(service, caller, cause, isThrown);
    this.#told.delete(caller);
    // What could not be sent was handled all the same.
    if (isThrown) this.#handled++;
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
      const { remoteHost, remotePort, data } = checkObject(
        "What onDatagram returned",
        reply as Datagram,
      );
      const host = this.#socket.checkHost("remoteHost", remoteHost);
      this.#socket.post(data, host, checkPort("remotePort", remotePort, 1), onFailed);
    }
  }
}
