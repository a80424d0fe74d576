// Closes a connection once it has nothing left to do with what had arrived when the stop was asked for: nothing is
// unread, queued or under way.

import type { SocketError } from "../base/errors.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** A service that is called for a connection. */
export interface Attendant {
  /** Whether one of its methods is under way. */
  readonly isCalling: boolean;
  /** Whether that is the first one, in which the user may read in a loop. */
  readonly isConnecting: boolean;
  /** Whether it reads; otherwise the user does, outside of its methods. */
  readonly isReading: boolean;
  /** Whether its last words are under way. */
  readonly isParting: boolean;
  /**
   * Nothing is left to do, and a stop was asked for. Returns whether the end has to wait for last words: then it looks
   * again when they have been said.
   */
  part(): boolean;
  /** The transport was freed. The attendant lets the connection leave its listener when it is done. */
  onFreed(error: SocketError | undefined): void;
}

/** A connection that may be idle. */
interface Stoppable {
  readonly reader: Reader;
  readonly writer: Writer;
  readonly attendant: Attendant | undefined;
  readonly isOpen: boolean;
  readonly isPaused: boolean;
  close(error: undefined, by: "stop"): void;
  /** Nothing more is read; writing goes on. */
  endReading(): void;
  /** Asks for {@linkcode Stopping.look} at that time. */
  lookBy(due: number): void;
}

/** A stop that was asked for. */
export class Stopping {
  /** Whether it has ended reading, and a call under way may still write. */
  hasEndedReading = false;
  readonly #connection: Stoppable;
  /** Until when a peer that has sent nothing yet is waited for; 0: it is not. */
  #newUntil: number;
  #isLooking = false;

  /**
   * @param connection What is stopped.
   * @param newUntil Until when it has something to do if nothing has come of it yet; 0 for no such time.
   */
  constructor(connection: Stoppable, newUntil = 0) {
    this.#connection = connection;
    this.#newUntil = newUntil;
    connection.reader.inflow.catchUp();
    if (newUntil > 0) connection.lookBy(newUntil);
  }

  /** When {@linkcode Stopping.look} has something to do. */
  get due(): number {
    return this.#newUntil > 0 ? this.#newUntil : Infinity;
  }

  /** Stops waiting for the first bytes of the peer when its time is over. */
  look(now: number): void {
    if (this.due > now) return;
    this.#newUntil = 0;
    this.#connection.reader.inflow.catchUp();
    this.closeIfIdle();
  }

  /** Closes the connection if it is idle. */
  closeIfIdle(): void {
    const { attendant, reader, writer, isOpen, isPaused } = this.#connection;
    if (!isOpen || isPaused || writer.queuedBytes > 0 || attendant?.isParting === true) return;
    if (this.hasEndedReading) {
      if (attendant?.isCalling !== true) this.#connection.close(undefined, "stop");
      return;
    }
    if (this.#newUntil > 0) {
      if (reader.bytesArrived === 0) return;
      this.#newUntil = 0;
    }
    const { begun } = reader;
    // A service that leaves reading to its user, who has read nothing: what was read ahead belongs to no call.
    // Nor does a part of a record that came with the end of the handshake.
    const { inflow } = reader;
    const came = inflow.isBegun || reader.isWatching ? reader.bytesArrived : reader.bytesRead;
    const isUntouched = attendant?.isReading === false && !reader.isWaiting &&
      came === (reader.isWatching ? begun : 0);
    if (begun > 0 && !isUntouched && !inflow.isLate(begun)) return;
    // A loop of the user within onConnect waits for more, and a relay anywhere; any other call is under way.
    if (attendant?.isCalling === true) {
      if (!reader.isWaiting || !attendant.isConnecting && !reader.tellsBusy) return;
    }
    if (reader.isWaiting) {
      if (reader.isBusy) return;
      if (inflow.isCaughtUp) this.#end();
      // If the read is held back, this is called again when it no longer is.
      else if (!inflow.isHeld) void this.#look();
      return;
    }
    // A user who has read and does not wait for more may be busy with anything. But a service handles what it has read
    // in its methods.
    const isIdle = attendant !== undefined && (attendant.isReading || isUntouched);
    if (isIdle) this.#end();
  }

  /** Its last words have been said: what has arrived meanwhile is handled, too. */
  onParted(): void {
    this.#connection.reader.inflow.catchUp();
    this.closeIfIdle();
  }

  #end(): void {
    const { attendant, reader } = this.#connection;
    if (attendant?.part() === true) return;
    // Whoever waits for bytes may work besides on what it has read before, and answer. Only the end of the call shows
    // that there was nothing such; one that says itself whether there is has just denied it.
    if (attendant?.isCalling !== true || reader.tellsBusy) {
      return this.#connection.close(undefined, "stop");
    }
    this.hasEndedReading = true;
    this.#connection.endReading();
  }

  /** Bytes may have arrived that were not read yet: the runtime looks at its sockets first. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    await this.#connection.reader.inflow.lookForMore();
    this.#isLooking = false;
    this.closeIfIdle();
  }
}
