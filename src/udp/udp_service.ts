// The callback face of UDP: what is called for datagrams, or for sessions.

import { isError } from "../base/errors.ts";
import type { ConnectionEnd } from "../connection/connection_end.ts";
import type { ByteReply } from "../connection/service.ts";
import type { Datagram } from "./datagram.ts";
import type { UdpCaller } from "./udp_caller.ts";
import { methodsOf } from "../base/service_methods.ts";
import type { UdpSession } from "./udp_session.ts";
import { handlerError, printThrown } from "../base/user_code.ts";

/** What `onDatagram` may answer: content for the caller, a datagram for anybody, or nothing. */
export type UdpReply = Uint8Array | string | Datagram | void;

/**
 * What is called for datagrams, or for sessions: `onBytes`, `onDatagram` or `onSession`, one of them. `this` is the
 * service. A method must not await its own listener's `gracefulStop`, which waits for the method.
 *
 * @see The `udp` module of Ballerina, whose services have the same methods
 */
export interface UdpService {
  /**
   * A datagram arrived, given as its bytes. They are lent: valid until the call settles or, if it is not async, until
   * it returns. You may safely return them, or send them on any socket or connection, awaited or not. Copy what you
   * keep. Called like {@linkcode UdpService.onDatagram}, at less cost.
   *
   * @param bytes The datagram; none where it is empty.
   * @returns What goes back: one datagram, or one for each thing in a list.
   */
  onBytes?(caller: UdpCaller, bytes: Uint8Array<ArrayBuffer>): ByteReply | Promise<ByteReply>;
  /**
   * A datagram arrived. Called in the order of arrival. An async call must settle before the next call: so begin long
   * work here without awaiting it.
   *
   * @returns What goes back, as one datagram.
   */
  onDatagram?(caller: UdpCaller, datagram: Datagram): UdpReply | Promise<UdpReply>;
  /**
   * The first datagram of a peer arrived. The session gives it and all that follow. Sessions do not wait for each
   * other. A session whose `onSession` throws is closed. Otherwise it lives until it is closed, is idle too long, or
   * the listener stops.
   */
  onSession?(session: UdpSession): void | Promise<void>;
  /**
   * A method of this service threw, or what it returned could not be sent. The listener goes on. The next datagram
   * does not wait for this call, so its calls may overlap. Without this method, a thrown error is printed with
   * `console.error`, and a failed send is ignored.
   */
  onError?(caller: UdpCaller, error: Error): void | Promise<void>;
  /**
   * The listener is being stopped, and a session has nothing to do: it ends when this has settled. What is sent here
   * still goes out. Called after the last call for the session, once at most, and not for sessions that end otherwise or
   * are cut. About sessions, as {@linkcode UdpService.onClose}.
   */
  onStop?(session: UdpSession): void | Promise<void>;
  /**
   * A session is over, and its methods have settled. `end` says how it ended. Called once for each session of this
   * service, so use it with `onSession`, or in a service that a function made. A session that was idle too long ends
   * by `"error"`, with a `"timed-out"` error. None ends by `"peer"`. A stop waits for it until the deadline.
   */
  onClose?(session: UdpSession, end: ConnectionEnd): void | Promise<void>;
}

/**
 * One service for everybody, or a function that makes one for each session, when the peer's first datagram arrives.
 * The `onBytes` or `onDatagram` of such a service is called for its own peer's datagrams, in order, and does not wait
 * for those of others. Its caller is the session. {@linkcode UdpService.onSession} says how long a session lives. A
 * session is closed if the function throws or makes no service.
 */
export type UdpServiceOrFactory =
  | UdpService
  | ((session: UdpSession) => UdpService | Promise<UdpService>);

const METHODS = ["onBytes", "onDatagram", "onSession", "onStop", "onError", "onClose"] as const;

/**
 * Reads the methods of a service once. Later changes to the service have no effect.
 *
 * @throws {TypeError} It has no method that gets datagrams, or a misspelled one.
 */
export function readUdpService(service: unknown): UdpService {
  const methods = methodsOf<UdpService>(service, METHODS);
  const { onBytes, onDatagram, onSession } = methods;
  if (onBytes !== undefined && onDatagram !== undefined) {
    throw new TypeError("service must have onBytes or onDatagram, not both");
  }
  if ((onBytes ?? onDatagram) === undefined ? onSession === undefined : onSession !== undefined) {
    throw new TypeError("service must have either onBytes, onDatagram or onSession");
  }
  return methods;
}

/** Reports an error to the service. An error that cannot be reported is printed. */
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
