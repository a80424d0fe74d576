// One connection of a pool: idle, where its end is noticed at once, or lent to one user.

import type { Client } from "../connection/client.ts";
import { coreOf } from "../connection/connection.ts";
import { closedError, ignore } from "../base/errors.ts";
import { young } from "../base/young.ts";

/** One connection of a pool. */
export class Pooled<Session> {
  /** Since when it is idle. */
  idleSince = 0;
  /** Ends the watch. */
  #stopWatching: () => void = ignore;

  /** @param client The connection. @param session What the user has made of it. */
  constructor(readonly client: Client, readonly session: Session) {}

  /** Whether it is open, and nothing lies in it that belongs to the last user's conversation. */
  get isClean(): boolean {
    const { isOpen, reader, writer } = coreOf(this.client);
    return isOpen && writer.isOpen && !reader.isWaiting && !reader.hasEnded && !reader.isShut &&
      reader.queue.length === 0;
  }

  /**
   * Waits for anything to come: nobody has asked for it. It takes nothing, and needs no timer and no promise.
   *
   * @param onSpoilt Called once, when something has come: bytes, the peer's end, a failure.
   */
  watch(onSpoilt: () => void): void {
    const { reader } = coreOf(this.client);
    let isOver = false;
    const onCome = () => {
      if (!isOver) onSpoilt();
      isOver = true;
    };
    const wait = { length: 1, owner: undefined, ready: onCome, fail: onCome };
    this.#stopWatching = young(() => {
      isOver = true;
      reader.giveUp(wait, WATCHED);
    });
    reader.atLeast(wait, Infinity);
  }

  /** Ends the watch. */
  unwatch(): void {
    this.#stopWatching();
    this.#stopWatching = ignore;
  }
}

const WATCHED = closedError("watch");
