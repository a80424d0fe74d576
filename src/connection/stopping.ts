// A stop closes a connection as soon as it has nothing to do with what had come when it was asked for: unless
// something has come and is unread, queued or under way.

import type { SocketError } from "../base/errors.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** A service that is called for a connection. */
export interface Attendant {
  /** Whether one of its methods is under way. */
  readonly isCalling: boolean;
  /** Whether the one under way is the first, in which its user may read in a loop of his own. */
  readonly isConnecting: boolean;
  /** Whether it reads; otherwise its user does, outside of its methods. */
  readonly isReading: boolean;
  /** The transport was freed. The attendant says that the connection may leave when it is done. */
  onFreed(error: SocketError | undefined): void;
}

/** What may be idle. */
interface Stoppable {
  readonly reader: Reader;
  readonly writer: Writer;
  readonly attendant: Attendant | undefined;
  readonly isOpen: boolean;
  readonly isPaused: boolean;
  close(error: undefined, by: "stop"): void;
}

/** A stop that was asked for. */
export class Stopping {
  readonly #connection: Stoppable;
  #isLooking = false;

  /** @param connection What is stopped. */
  constructor(connection: Stoppable) {
    this.#connection = connection;
    connection.reader.inflow.catchUp();
  }

  /** Closes, if it may. */
  closeIfIdle(): void {
    const { attendant, reader, writer, isOpen, isPaused } = this.#connection;
    if (!isOpen || isPaused || writer.queuedBytes > 0) return;
    const unread = reader.queue.length;
    // A service that leaves reading to its user, who has read nothing: what was read ahead is nobody's.
    const isUntouched = attendant?.isReading === false && !reader.isWaiting &&
      reader.bytesRead === (reader.isWatching ? unread : 0);
    if (unread > 0 && !isUntouched && !reader.inflow.isLate(unread)) return;
    // A loop of the user's within onConnect waits for what comes next; any other call is under way.
    if (attendant?.isCalling === true && !(attendant.isConnecting && reader.isWaiting)) return;
    if (reader.isWaiting) {
      if (reader.isBusy) return;
      if (reader.inflow.isCaughtUp) this.#connection.close(undefined, "stop");
      // One that is held back is asked for again when it is not.
      else if (!reader.inflow.isHeld) void this.#look();
      return;
    }
    // Nobody knows what somebody who has read and does not wait for more is busy with; but what a service
    // does with what it has read, it does in its methods.
    const isIdle = attendant !== undefined && (attendant.isReading || isUntouched);
    if (isIdle) this.#connection.close(undefined, "stop");
  }

  /** What has come may not have been read yet: the runtime looks at its sockets first. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    await this.#connection.reader.inflow.lookForMore();
    this.#isLooking = false;
    this.closeIfIdle();
  }
}
