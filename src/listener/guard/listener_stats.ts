// The statistics of a listener.

import type { ConnectionEnd } from "../../connection/connection_end.ts";
import type { SocketErrorCode } from "../../base/errors.ts";
import type { RejectReason } from "./rejection.ts";

/** How a stage that connections have to pass is going. */
export interface StageCounts {
  /** How many are at it now. */
  readonly underWay: number;
  /** The most that were at it at once. */
  readonly peak: number;
  /** How many have passed so far. */
  readonly completed: number;
  /** How many have failed. */
  readonly failed: number;
}

/** What has happened at a listener since it was made. */
export interface ListenerStats {
  /** Connections that were let in. */
  readonly accepted: number;
  /** Connections that are open: as many as `connections` has. */
  readonly open: number;
  /** The most that were open at once. */
  readonly peak: number;
  /** Connections that were refused, or ended by a limit, by reason. */
  readonly rejected: Readonly<Record<RejectReason, number>>;
  /** Connections that have ended, by what ended them: see {@linkcode ConnectionEnd}. */
  readonly ended: Readonly<Record<ConnectionEnd["by"], number>>;
  /** Of those that an error has ended: how many, by its code. A code that has not occurred is not there. */
  readonly errors: Readonly<Partial<Record<SocketErrorCode, number>>>;
  /** How the handshakes of secure connections are going. */
  readonly handshakes: StageCounts;
  /** Bytes received, without those of PROXY protocol headers. */
  readonly bytesRead: number;
  /** Bytes that the system has taken for sending. */
  readonly bytesWritten: number;
  /** Bytes waiting to be sent. */
  readonly queuedBytes: number;
  /** How many times accepting has rested because the system refused to accept: it is out of descriptors. */
  readonly rests: number;
}

/** What one connection adds to {@linkcode ListenerStats}. */
export interface Traffic {
  /** Bytes received. */
  readonly bytesRead: number;
  /** Bytes that the system has taken for sending. */
  readonly bytesWritten: number;
}
