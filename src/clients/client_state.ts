// What a client that redials is doing: types only.

import type { Client } from "../connection/client.ts";

/** A failure, or the end of a connection, after which the client dials again. */
export interface Setback {
  /** What has failed, or ended the connection. */
  readonly error: Error;
  /** Which attempt in a row the next one is, from 1. */
  readonly attempt: number;
  /** In how many milliseconds it begins. */
  readonly nextInMillis: number;
}

/**
 * What a client that redials is doing. The record does not change.
 *
 * - `"dialling"`: it connects to `target`, or `onUp` is under way.
 * - `"up"`: it has a connection.
 * - `"waiting"`: it waits until the next attempt.
 * - `"closed"`: it is over, with the error that ended it, if one did.
 */
export type ClientState =
  | { readonly kind: "dialling"; readonly attempt: number; readonly target: string }
  | { readonly kind: "up"; readonly connection: Client }
  | ({ readonly kind: "waiting" } & Setback)
  | { readonly kind: "closed"; readonly error?: Error };
