// The methods that users give to be called for connections.

import { methodsOf } from "../base/service_methods.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionEnd } from "./connection_end.ts";

/** What a call of `onBytes` sends as one write: bytes, text, several of those, or nothing. */
export type ByteReply = Uint8Array | string | readonly (Uint8Array | string)[] | undefined | void;

/** A connection that a listener hands to your service. */
export type Caller = Connection;

/**
 * The methods that are called for a connection; at least one. They are read once, when the service is attached. Calls
 * for one connection never overlap, and `this` is the service. Any method may be async: the next call waits for it. A
 * method must not await its own connection's `closed` or its listener's `gracefulStop`, because these wait for the
 * method.
 *
 * A method that throws ends its connection, after `onError`, and no other one.
 *
 * @see The `socket` module of Ballerina, whose callback services have the same methods
 */
export interface Service {
  /** A connection was accepted (or, for a client, made). */
  onConnect?(caller: Caller): void | Promise<void>;
  /**
   * Bytes, or the end, can be read without waiting. Called again while unread bytes are left and the last call read
   * something, otherwise when more has arrived. At the end of the stream there is one last call (unread bytes first,
   * then -1); then the connection closes, unless it was made with `allowHalfOpen`.
   *
   * What a call leaves unread is kept for the next one, up to 16 MiB: a connection whose service leaves more
   * ends with `"overflow"`. (A begun message is as long as its codec allows.) A service without this method leaves
   * reading to you.
   */
  onReadReady?(caller: Caller): void | Promise<void>;
  /**
   * Bytes have arrived. They are lent: valid until the promise of the call has settled, or until the call returns if it
   * gives none. Writing or returning them is safe, awaited or not, to any connection; copy what you keep. What the call
   * returns is sent, and the next call is made when the system has taken it: a peer that does not read is not read
   * from.
   *
   * Instead of `onReadReady`.
   *
   * @param bytes All that has arrived, at least one byte.
   */
  onBytes?(caller: Caller, bytes: Uint8Array<ArrayBuffer>): ByteReply | Promise<ByteReply>;
  /**
   * With `onBytes`: the peer has sent everything. Then the connection closes, unless it was made with
   * `allowHalfOpen`.
   */
  onEnd?(caller: Caller): void | Promise<void>;
  /**
   * Its listener is being stopped, and the connection has nothing to do: it closes when this has settled. What is
   * written here still goes out: a farewell of your protocol. Called between two calls, never during one, but while a
   * loop within `onConnect` waits for bytes. What arrives until this has settled is still handled, and an answer to that
   * goes out after the farewell. Called once at most, and not for connections that end otherwise or are cut.
   */
  onStop?(caller: Caller): void | Promise<void>;
  /**
   * The connection ends with an error: its own, or what a method of this service threw. Not called for `close`, `abort`
   * or the peer's end. Without this method a network failure just closes the connection, and what a method threw is
   * printed with `console.error`, unless it is a read that timed out or a bad frame.
   */
  onError?(caller: Caller, error: Error): void | Promise<void>;
  /**
   * The connection is over, and `end` says how. Called exactly once for each connection whose `onConnect` was
   * begun. A stop of its listener waits for it until the deadline, as for every other method.
   */
  onClose?(caller: Caller, end: ConnectionEnd): void | Promise<void>;
}

const METHODS = [
  "onConnect",
  "onBytes",
  "onEnd",
  "onReadReady",
  "onStop",
  "onError",
  "onClose",
] as const;

/**
 * Reads the methods of a service. Later changes to the service have no effect.
 *
 * @throws {TypeError} It has no method that can be called, or a misspelled one.
 */
export function readService(service: unknown, name = "service"): Service {
  const methods = methodsOf<Service>(service, METHODS, name);
  if (methods.onReadReady !== undefined && methods.onBytes !== undefined) {
    throw new TypeError(`${name} must have onBytes or onReadReady, not both`);
  }
  if (methods.onEnd !== undefined && methods.onBytes === undefined) {
    throw new TypeError(`${name}.onEnd goes with onBytes: the last onReadReady reads -1`);
  }
  return methods;
}
