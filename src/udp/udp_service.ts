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
   * The bytes of a datagram came. They are lent: valid until the call has settled, for one that is not async until it
   * returns. Sending them or returning them is safe, awaited or not, to whatever socket or connection; copy what you
   * keep. Called as {@linkcode UdpService.onDatagram}, and cheaper.
   *
   * @param bytes The datagram; none where it is empty.
   * @returns What goes back: one datagram, or one for each thing in a list.
   */
  onBytes?(caller: UdpCaller, bytes: Uint8Array<ArrayBuffer>): ByteReply | Promise<ByteReply>;
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
  /**
   * A session is over, and `end` says how; its methods have settled. Called once for each session that this service
   * got: so it goes with `onSession`, or with a service that a function has made. One that was idle too long has
   * ended by `"error"`, which is `"timed-out"`; `"peer"` ends none.
   */
  onClose?(session: UdpSession, end: ConnectionEnd): void | Promise<void>;
}

/**
 * One service for everybody, or a function that makes one for each peer, when its first datagram came: for the
 * session that begins with it. The `onBytes` or `onDatagram` of such a service is called for the datagrams of its own
 * peer, in their order, and waits for nobody else's; the caller is the session. What happens to a session is said at
 * {@linkcode UdpService.onSession}; one whose function throws, or makes no service, is closed.
 */
export type UdpServiceOrFactory =
  | UdpService
  | ((session: UdpSession) => UdpService | Promise<UdpService>);

const METHODS = ["onBytes", "onDatagram", "onSession", "onError", "onClose"] as const;

/**
 * Reads the methods of a service: what is called is what was there then.
 *
 * @throws {TypeError} It has not one that gets datagrams, or one that is misspelled.
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
