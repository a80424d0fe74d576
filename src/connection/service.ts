// What users give to be called for connections.

import { methodsOf } from "../base/service_methods.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionEnd } from "./connection_end.ts";
import { ServiceLoop } from "./service_loop.ts";

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

const METHODS = ["onConnect", "onReadReady", "onError", "onClose"] as const;

/**
 * Reads the methods of a service: what is called is what was there then.
 *
 * @throws {TypeError} It has none that can be called, or one that is misspelled.
 */
export function readService(service: unknown): Service {
  return methodsOf<Service>(service, METHODS);
}

/**
 * Begins to call a service for a connection.
 *
 * @param caller Nobody else's yet.
 * @param service What {@linkcode readService} has given.
 */
export function serve(caller: Caller, service: Service): void {
  new ServiceLoop(caller, service).begin();
}
