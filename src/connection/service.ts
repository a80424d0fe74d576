// What users give to be called for connections.

import { methodsOf } from "../base/service_methods.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionEnd } from "./connection_end.ts";

/** What a call of `onBytes` has sent: bytes, text, several of those, or nothing. */
export type ByteReply = Uint8Array | string | readonly (Uint8Array | string)[] | undefined | void;

/** A connection that a listener hands to your service. */
export type Caller = Connection;

/**
 * What is called for a connection; at least one method. The methods are read once, when the service is attached.
 * Calls of one connection never overlap, and `this` is the service. Any method may be async: the next call waits
 * for it. A method must not await its own connection's `closed` or its listener's `gracefulStop`, which wait for
 * the method.
 *
 * A method that throws ends its connection, after `onError`, and no other one.
 *
 * @see The `socket` module of Ballerina, whose callback services have the same methods
 */
export interface Service {
  /** A connection was accepted (or, for a client, made). */
  onConnect?(caller: Caller): void | Promise<void>;
  /**
   * Bytes, or the end, can be read without waiting. Called again while unread bytes are left and the last
   * call read something, otherwise when more has come. At the end of the stream there is one last call
   * (unread bytes first, then -1); then the connection closes, unless it was made with `allowHalfOpen`.
   *
   * What a call leaves unread is kept for the next one, up to 16 MiB: a connection whose service leaves more
   * ends with `"overflow"`. A service without this method leaves reading to you.
   */
  onReadReady?(caller: Caller): void | Promise<void>;
  /**
   * Bytes have arrived. They are lent: valid until the call has settled, for one that is not async until it returns.
   * Writing them or returning them is safe, awaited or not, to whatever connection; copy what you keep. What the call
   * returns is sent, and the next call comes when the system has it: a peer that does not read is not read from.
   *
   * Instead of `onReadReady`.
   *
   * @param bytes All that is there, at least one byte.
   */
  onBytes?(caller: Caller, bytes: Uint8Array<ArrayBuffer>): ByteReply | Promise<ByteReply>;
  /**
   * With `onBytes`: the peer has sent everything. Then the connection closes, unless it was made with
   * `allowHalfOpen`.
   */
  onEnd?(caller: Caller): void | Promise<void>;
  /**
   * The connection ends with an error: its own, or what a method of this service threw. Not called for
   * `close`, `abort` or the peer's end. Without it a network failure just closes the connection, and what a
   * method threw is printed with `console.error`, unless it is a read that timed out or a bad frame.
   */
  onError?(caller: Caller, error: Error): void | Promise<void>;
  /**
   * The connection is over, and `end` says how. Called exactly once for each connection whose `onConnect` was
   * begun.
   */
  onClose?(caller: Caller, end: ConnectionEnd): void | Promise<void>;
}

const METHODS = ["onConnect", "onBytes", "onEnd", "onReadReady", "onError", "onClose"] as const;

/**
 * Reads the methods of a service: what is called is what was there then.
 *
 * @throws {TypeError} It has none that can be called, or one that is misspelled.
 */
export function readService(service: unknown): Service {
  const methods = methodsOf<Service>(service, METHODS);
  if (methods.onReadReady !== undefined && methods.onBytes !== undefined) {
    throw new TypeError("service must have onBytes or onReadReady, not both");
  }
  if (methods.onEnd !== undefined && methods.onBytes === undefined) {
    throw new TypeError("service.onEnd goes with onBytes: the last onReadReady reads -1");
  }
  return methods;
}
