// What a UDP socket counts while it works, and what a listener tells of it: numbers that only go up, no object for a
// datagram.

/**
 * Why a datagram that had reached a {@linkcode UdpListener} was given to nobody.
 *
 * | Reason | Meaning |
 * | --- | --- |
 * | `"queue-limit"` | no room: `maxUnreadBytes`, `maxUnreadBytesPerSession`, `maxTotalUnreadBytes`, the engine's queue |
 * | `"session-limit"` | it would have begun a session, and there are `maxSessions` |
 * | `"sender"` | it is from somebody else than the peer, from port 0, or from the listener's own address |
 * | `"not-taken"` | it waited to be read, and its session is over; or nobody was there to take it |
 * | `"stopped"` | it came during a stop |
 * | `"transferred"` | the memory it should have been put into was lent, kept and transferred away |
 */
export type DropReason =
  | "queue-limit"
  | "session-limit"
  | "sender"
  | "not-taken"
  | "stopped"
  | "transferred";

/** Why a session ended: closed or aborted by this side, idle too long, by a stop, or because something went wrong. */
export type SessionEndReason = "local" | "idle" | "stop" | "error";

/** Datagrams that went one way. */
export interface DatagramCount {
  /** How many. */
  readonly datagrams: number;
  /** How many bytes they had, headers not counted. */
  readonly bytes: number;
}

/** What has happened at a {@linkcode UdpListener} since it was made. */
export interface UdpListenerStats {
  /** What has reached it, with what was dropped then. */
  readonly received: DatagramCount;
  /** What the system has taken for sending. */
  readonly sent: DatagramCount;
  /** Datagrams that were dropped, by reason. What the system dropped before is not known. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Its sessions. */
  readonly sessions: {
    /** How many are open: as many as `sessions` has. */
    readonly open: number;
    /** How many have begun so far. */
    readonly begun: number;
    /** How many have ended, by reason. */
    readonly ended: Readonly<Record<SessionEndReason, number>>;
    /** How many were open at once, at most. */
    readonly peak: number;
  };
  /** Bytes that wait to be sent, each datagram counted with 256 more. */
  readonly queuedBytes: number;
}

/** What counts datagrams that are dropped. */
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

/** What has come and gone on a socket. */
export class DatagramTraffic {
  received = 0;
  receivedBytes = 0;
  sent = 0;
  sentBytes = 0;
}

/** What a listener counts, from its making on. */
export class UdpCounts {
  readonly traffic: DatagramTraffic = new DatagramTraffic();
  readonly drops: DropCounts = new DropCounts();
  readonly #ended: Record<SessionEndReason, number> = { local: 0, idle: 0, stop: 0, error: 0 };
  #begun = 0;
  #peak = 0;

  /** A session has begun. @param open How many are open now, with that one. */
  begin(open: number): void {
    this.#begun++;
    if (open > this.#peak) this.#peak = open;
  }

  /** A session has ended. */
  end(reason: SessionEndReason): void {
    this.#ended[reason]++;
  }

  /**
   * What has happened so far.
   *
   * @param open How many sessions are open.
   * @param engine What the socket of now has queued, and what its engine had no room for.
   */
  stats(
    open: number,
    engine: { readonly queuedBytes: number; readonly droppedDatagrams: number } | undefined,
  ): UdpListenerStats {
    const { received, receivedBytes, sent, sentBytes } = this.traffic;
    const dropped = { ...this.drops.byReason };
    dropped["queue-limit"] += engine?.droppedDatagrams ?? 0;
    return Object.freeze({
      received: Object.freeze({ datagrams: received, bytes: receivedBytes }),
      sent: Object.freeze({ datagrams: sent, bytes: sentBytes }),
      dropped: Object.freeze(dropped),
      sessions: Object.freeze({
        open,
        begun: this.#begun,
        ended: Object.freeze({ ...this.#ended }),
        peak: this.#peak,
      }),
      queuedBytes: engine?.queuedBytes ?? 0,
    });
  }
}
