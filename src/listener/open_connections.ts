// The open connections of a listener, and how they are stopped gracefully.

import { Bag } from "./bag.ts";
import { Connection, coreOf } from "../connection/connection.ts";
import { GenericError } from "../base/errors.ts";
import { type CutOff, cutOff, type Patience } from "./life_cycle.ts";
import { LiveSet } from "./live_set.ts";

/** The connections that are open. */
export class OpenConnections {
  readonly #connections = new Bag<Connection>(coreOf);
  /** The same, read-only. */
  readonly connections: ReadonlySet<Connection> = new LiveSet(
    this.#connections,
    (value) => value instanceof Connection,
  );
  #onLeave: (() => void) | undefined;

  /** Adds a connection, until it is freed. */
  add(connection: Connection): void {
    this.#connections.add(connection);
    if (this.#onLeave !== undefined) coreOf(connection).stop();
  }

  /** Removes a connection that is freed. */
  delete(connection: Connection): void {
    this.#connections.delete(connection);
    this.#onLeave?.();
  }

  /**
   * Begins to close each connection as soon as it has nothing to do, including those that are added later.
   *
   * @param patience How long it may take. Then the rest is aborted, without waiting for handlers that never return.
   */
  stop(patience: Patience): { finish(): Promise<{ completed: number; cut: CutOff[] }> } {
    let completed = 0;
    let whenEmpty: (() => void) | undefined;
    this.#onLeave = () => {
      completed++;
      if (this.#connections.size === 0) whenEmpty?.();
    };
    for (const connection of this.#connections) coreOf(connection).stop();
    return {
      /** Waits until all have ended; none may be added any more. */
      finish: async () => {
        if (this.#connections.size > 0) {
          await patience.for(new Promise<void>((resolve) => whenEmpty = resolve));
        }
        this.#onLeave = undefined;
        const rest = [...this.#connections];
        const reason = new GenericError("closed", "The listener was stopped");
        const cut = rest.map((connection) => {
          const core = coreOf(connection);
          core.abort(reason, "stop");
          return cutOff(connection.id, core.transport.remoteAddr, "deadline");
        });
        return { completed, cut };
      },
    };
  }
}
