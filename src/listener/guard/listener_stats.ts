// What a listener can tell about itself.

import type { ConnectionEnd } from "../../connection/connection_end.ts";
import type { RejectReason } from "./rejection.ts";

/** How a stage goes that connections have to get through. */
export interface StageCounts {
  /** How many are at it. */
  readonly underWay: number;
  /** How many have got through so far. */
  readonly completed: number;
  /** How many have not. */
  readonly failed: number;
}

/** What has happened at a listener since it was made. */
export interface ListenerStats {
  /** Connections that were let in. */
  readonly accepted: number;
  /** Connections that are open: as many as `connections` has. */
  readonly open: number;
  /** Connections that were refused, or ended by a limit, by reason. */
  readonly rejected: Readonly<Record<RejectReason, number>>;
  /** Connections that have ended, by whom: see {@linkcode ConnectionEnd}. */
  readonly ended: Readonly<Record<ConnectionEnd["by"], number>>;
  /** How the handshakes of secure connections go. */
  readonly handshakes: StageCounts;
  /** Bytes received, those of PROXY protocol headers not counted. */
  readonly bytesRead: number;
  /** Bytes that the system has taken for sending. */
  readonly bytesWritten: number;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
}

/** What one connection adds to {@linkcode ListenerStats}. */
export interface Traffic {
  /** Bytes received. */
  readonly bytesRead: number;
  /** Bytes that the system has taken for sending. */
  readonly bytesWritten: number;
}
