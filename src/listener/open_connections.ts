// The open connections of a listener, and how they are stopped gracefully.

import { Bag } from "../base/bag.ts";
import { Connection, coreOf } from "../connection/connection.ts";
import { GenericError } from "../base/errors.ts";
import { young } from "../base/young.ts";
import { type CutOff, cutOff, peerOf } from "./life_cycle.ts";
import { LiveSet } from "./live_set.ts";
import type { Patience } from "./patience.ts";

/** A method `onClose` that is not async is over after so many. */
const MICROTASKS_OF_A_CLOSE = 20;

/** The connections that are open. */
export class OpenConnections {
  readonly #connections = new Bag<Connection>(coreOf);
  /** The same, read-only. */
  readonly connections: ReadonlySet<Connection> = new LiveSet(
    this.#connections,
    (value) => value instanceof Connection,
  );
  /** Those that the program has aborted, until no method works for them any more. */
  readonly #aborted = new Bag<Connection>(coreOf);
  #onDone: (() => void) | undefined;
  /** How long the stop lasts that is under way. */
  #patience: Patience | undefined;
  /** How long after its beginning that stop waits for the first bytes of a client. */
  #newForInMillis = 0;

  /** Adds a connection, until it leaves. */
  add(connection: Connection): void {
    this.#connections.add(connection);
    if (this.#patience !== undefined) this.#stop(connection);
  }

  /** Removes a connection that has left. A stop still waits for it until it is done. */
  delete(connection: Connection): void {
    this.#connections.delete(connection);
    this.#aborted.add(connection);
  }

  /** No method works for a connection any more that was removed. */
  done(connection: Connection): void {
    this.#aborted.delete(connection);
    this.#onDone?.();
  }

  /** Without patience it is cut soon, and says no last words. */
  #stop(connection: Connection): void {
    if (!this.#patience!.isOver) coreOf(connection).stop(this.#newForInMillis);
  }

  /** Those that only wait for their peer's end have nothing left to do but `onClose`: they are not cut. */
  async #endDrains(isEmpty: () => boolean): Promise<void> {
    for (const connection of this.#connections) coreOf(connection).endDrain();
    for (let i = 0; i < MICROTASKS_OF_A_CLOSE && !isEmpty(); i++) await undefined;
  }

  /**
   * Begins to close each connection as soon as it has nothing to do, including those that are added later.
   *
   * @param patience How long it may take. Then the rest is aborted, without waiting for handlers that never return.
   * @param newForInMillis How long after its beginning the first bytes of a client are waited for; 0: not at all.
   */
  stop(
    patience: Patience,
    newForInMillis = 0,
  ): { finish(): Promise<{ completed: number; cut: CutOff[] }> } {
    let completed = 0;
    const cut: CutOff[] = [];
    let isCutting = false;
    let isFinished = false;
    let whenEmpty: (() => void) | undefined;
    const isEmpty = () => this.#connections.size + this.#aborted.size === 0;
    const cutRest = () => {
      isCutting = true;
      const reason = new GenericError("closed", "The listener was stopped");
      for (const connection of [...this.#connections, ...this.#aborted]) {
        const core = coreOf(connection);
        core.abort(reason, "stop");
        // If it has ended already, only a method that is under way still holds it.
        core.leave(core.error);
        cut.push(cutOff(connection.id, peerOf(core.transport), patience.reason));
      }
      isCutting = false;
    };
    this.#onDone = young(() => {
      if (!isCutting) completed++;
      if (isEmpty()) whenEmpty?.();
    });
    this.#patience = patience;
    this.#newForInMillis = newForInMillis;
    for (const connection of this.#connections) this.#stop(connection);
    // Whatever the stop waits for then: an engine may serve all that are busy until the listener's socket is free.
    const cutting = patience.over().then(async () => {
      if (isFinished) return;
      if (patience.reason === "deadline") await this.#endDrains(isEmpty);
      if (!isFinished) cutRest();
    });
    return {
      /** Waits until all are done; none may be added any more. */
      finish: async () => {
        if (!isEmpty()) {
          await Promise.race([new Promise<void>((resolve) => whenEmpty = resolve), cutting]);
        }
        isFinished = true;
        cutRest();
        this.#onDone = this.#patience = undefined;
        return { completed, cut };
      },
    };
  }
}
