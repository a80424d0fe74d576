// What a UDP socket counts while it works, and what a listener reports of it. The numbers only go up; no object is
// made for a datagram.

import type { DatagramSocket } from "../network/network.ts";

/**
 * Why a datagram that had reached a {@linkcode UdpListener} or a {@linkcode UdpClient} was given to nobody.
 *
 * | Reason | Meaning |
 * | --- | --- |
 * | `"queue-limit"` | no room: `maxUnreadBytes`, `maxUnreadBytesPerSession`, `maxTotalUnreadBytes`, the engine's queue, with `linuxNetwork` the system's |
 * | `"session-limit"` | it would have begun a session, but there are `maxSessions` already |
 * | `"sender"` | it is not from the peer, or it is from port 0, or from the listener's own address |
 * | `"not-taken"` | it waited to be read when its session ended; or nothing was there to take it |
 * | `"stopped"` | it arrived during a stop, or was received no sooner: `immediateStop()` alone looks for nothing |
 * | `"transferred"` | the memory for it had been lent, and was transferred away |
 */
export type DropReason =
  | "queue-limit"
  | "session-limit"
  | "sender"
  | "not-taken"
  | "stopped"
  | "transferred";

/** Why a session ended: this side closed or aborted it, it was idle too long, a stop ended it, or something failed. */
export type SessionEndReason = "local" | "idle" | "stop" | "error";

/** Datagrams in one direction. */
export interface DatagramCount {
  /** How many. */
  readonly datagrams: number;
  /** How many bytes they had, without headers. */
  readonly bytes: number;
}

/**
 * What an engine says that it had no room for: 0 where it does not know. A socket of the user's own may say anything, or
 * throw, and what it says is asked for during a stop, too.
 */
export function lossOf(
  socket: DatagramSocket | undefined,
  name: "droppedDatagrams" | "droppedBytes",
): number {
  try {
    const count = socket?.[name];
    return count !== undefined && Number.isSafeInteger(count) && count > 0 ? count : 0;
  } catch {
    return 0;
  }
}

/** What has happened on a {@linkcode UdpClient} since it was made. */
export interface UdpClientStats {
  /**
   * What has reached it, including what was then dropped: by the engine, too, where that is known. The bytes of some of
   * those are not known, and are not counted: what the system dropped, and what was `"transferred"`.
   */
  readonly received: DatagramCount;
  /** What the system has taken for sending. */
  readonly sent: DatagramCount;
  /** Datagrams that were dropped, by reason. Those that the system dropped are known to the engine for Linux alone. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Bytes that wait to be sent. Each datagram counts 256 bytes extra. */
  readonly queuedBytes: number;
}

/** What has happened on a {@linkcode UdpListener} since it was made. */
export interface UdpListenerStats extends UdpClientStats {
  /** Its sessions. */
  readonly sessions: {
    /** How many are open: the size of `sessions`. */
    readonly open: number;
    /** How many have begun so far. */
    readonly begun: number;
    /** How many have ended, by reason. */
    readonly ended: Readonly<Record<SessionEndReason, number>>;
    /** The most that were open at once. */
    readonly peak: number;
  };
}

/** Counts dropped datagrams. */
export interface DropCounter {
  /** Counts datagrams that were dropped. */
  countDropped(count: number, reason: DropReason): void;
}

/** Counts dropped datagrams by reason. */
export class DropCounts implements DropCounter {
  readonly #byReason: Record<DropReason, number> = {
    "queue-limit": 0,
    "session-limit": 0,
    sender: 0,
    "not-taken": 0,
    stopped: 0,
    transferred: 0,
  };

  countDropped(count: number, reason: DropReason): void {
    this.#byReason[reason] += count;
  }

  /** How many there were, by reason. */
  get byReason(): Readonly<Record<DropReason, number>> {
    return this.#byReason;
  }
}

/** What arrived at a socket and what left it. */
export class DatagramTraffic {
  received = 0;
  receivedBytes = 0;
  sent = 0;
  sentBytes = 0;
}

/** What the present socket has queued, and what its engine had no room for. */
export interface EngineCounts {
  readonly queuedBytes: number;
  readonly droppedDatagrams: number;
  readonly droppedBytes: number;
}

/** What a listener counts from the time it is made. */
export class UdpCounts {
  readonly traffic: DatagramTraffic = new DatagramTraffic();
  readonly drops: DropCounts = new DropCounts();
  readonly #ended: Record<SessionEndReason, number> = { local: 0, idle: 0, stop: 0, error: 0 };
  #begun = 0;
  #peak = 0;

  /** A session has begun. @param open How many are open now, including this one. */
  begin(open: number): void {
    this.#begun++;
    if (open > this.#peak) this.#peak = open;
  }

  /** A socket goes away: what its engine had no room for is counted here from now on. */
  keepLosses({ droppedDatagrams, droppedBytes }: EngineCounts): void {
    this.traffic.received += droppedDatagrams;
    this.traffic.receivedBytes += droppedBytes;
    this.drops.countDropped(droppedDatagrams, "queue-limit");
  }

  /** A session has ended. */
  end(reason: SessionEndReason): void {
    this.#ended[reason]++;
  }

  /**
   * What has happened so far.
   *
   * @param open How many sessions are open.
   * @param engine What the present socket has queued, and what its engine had no room for.
   */
  stats(open: number, engine: EngineCounts | undefined): UdpListenerStats {
    return Object.freeze({
      ...socketStats(this.traffic, this.drops, engine),
      sessions: Object.freeze({
        open,
        begun: this.#begun,
        ended: Object.freeze({ ...this.#ended }),
        peak: this.#peak,
      }),
    });
  }
}

/**
 * What has happened on a socket so far.
 *
 * @param traffic What arrived and left.
 * @param drops What was dropped.
 * @param engine What the present socket has queued, and what its engine had no room for.
 */
export function socketStats(
  { received, receivedBytes, sent, sentBytes }: DatagramTraffic,
  drops: DropCounts,
  engine: EngineCounts | undefined,
): UdpClientStats {
  const { queuedBytes = 0, droppedDatagrams = 0, droppedBytes = 0 } = engine ?? {};
  const dropped = { ...drops.byReason };
  dropped["queue-limit"] += droppedDatagrams;
  return Object.freeze({
    received: Object.freeze({
      datagrams: received + droppedDatagrams,
      bytes: receivedBytes + droppedBytes,
    }),
    sent: Object.freeze({ datagrams: sent, bytes: sentBytes }),
    dropped: Object.freeze(dropped),
    queuedBytes,
  });
}
