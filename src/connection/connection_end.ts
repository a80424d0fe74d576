// How a connection has ended, in one record.

import type { SocketError } from "../base/errors.ts";

/** How a connection has ended. The record does not change. */
export interface ConnectionEnd {
  /**
   * What has ended it.
   *
   * - `"peer"`: the peer ended what it sends, and then the connection was closed, no matter by whom.
   * - `"local"`: this side closed or aborted it.
   * - `"stop"`: a stop of its listener did.
   * - `"error"`: something went wrong: a reset, a timeout, a bad frame, a method that threw.
   */
  readonly by: "peer" | "local" | "stop" | "error";
  /** The error that `closed` gives, if any: also `"aborted"`, for `"local"` and `"stop"`. */
  readonly error?: SocketError;
  /** How long it lasted until `onClose`: a listener's since it was accepted, a client's since it was made. */
  readonly durationInMillis: number;
}

/** Makes the record. */
export function connectionEnd(
  by: ConnectionEnd["by"],
  error: SocketError | undefined,
  durationInMillis: number,
): ConnectionEnd {
  return Object.freeze({ by, ...(error === undefined ? {} : { error }), durationInMillis });
}
