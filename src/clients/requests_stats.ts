// What is counted of requests.

/** Numbers about requests. The record does not change. */
export interface RequestsStats {
  /** How many have left and wait for their answer. */
  readonly inFlight: number;
  /** How many wait to be sent. */
  readonly waiting: number;
  /** How many were answered, pings included. */
  readonly answered: number;
  /** How many were sent again although they may have been handled. */
  readonly repeated: number;
  /** How many answers came for a request that was given up. */
  readonly late: number;
  /** How many answers came that no request was known for. */
  readonly unexpected: number;
  /** How many messages came that answer nothing. */
  readonly pushed: number;
}

/** The same of messages that came, while it is counted. */
export interface Strays {
  late: number;
  unexpected: number;
  pushed: number;
  answered: number;
}
