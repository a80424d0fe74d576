// One connection of a pool: idle, where its end is noticed at once, or lent to one user.

import type { Client } from "../connection/client.ts";
import { coreOf, hasLockedStream } from "../connection/connection.ts";
import { closedError, ignore } from "../base/errors.ts";
import { young } from "../base/young.ts";

/** One connection of a pool. */
export class Pooled<Session> {
  /** Since when it is idle. */
  idleSince = 0;
  /** Ends the watch. */
  #stopWatching: () => void = ignore;

  /** What is the session's own, and not the last user's. */
  readonly #readTimeoutInMillis: number;
  readonly #idleTimeoutInMillis: number;
  readonly #hadLockedStream: boolean;

  /** @param client The connection. @param session What the user has made of it. */
  constructor(readonly client: Client, readonly session: Session) {
    this.#readTimeoutInMillis = client.readTimeoutInMillis;
    this.#idleTimeoutInMillis = client.idleTimeoutInMillis;
    this.#hadLockedStream = hasLockedStream(client);
  }

  /** Whether it is open, and nothing lies in it that belongs to the last user's conversation. */
  get isClean(): boolean {
    const { isOpen, reader, writer } = coreOf(this.client);
    return isOpen && writer.isOpen && !reader.isWaiting && !reader.hasEnded && !reader.isShut &&
      reader.begun === 0;
  }

  /** Whether the last user has left nothing under way. */
  get isLeft(): boolean {
    return this.isClean && coreOf(this.client).writer.isQuiet &&
      (this.#hadLockedStream || !hasLockedStream(this.client));
  }

  /** Waits until what was written has gone out, as long as a close would; `undefined` where nothing has to. */
  sent(): Promise<void> | undefined {
    const { writer, limits } = coreOf(this.client);
    if (writer.queuedBytes === 0 || !this.isClean) return undefined;
    return this.client.drained({ timeoutInMillis: limits.closeTimeoutInMillis }).catch(ignore);
  }

  /** Puts the timeouts back that the last user may have set. */
  restore(): void {
    const { client } = this;
    if (client.readTimeoutInMillis !== this.#readTimeoutInMillis) {
      client.readTimeoutInMillis = this.#readTimeoutInMillis;
    }
    // Set anew, its time would begin anew.
    if (client.idleTimeoutInMillis !== this.#idleTimeoutInMillis) {
      client.idleTimeoutInMillis = this.#idleTimeoutInMillis;
    }
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
