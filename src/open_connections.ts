// The open connections of a listener, and how they are stopped in good order.

import { Bag } from "./bag.ts";
import { type Connection, duplexOf } from "./connection.ts";
import { ConnectionSet } from "./connection_set.ts";
import { GenericError } from "./errors.ts";
import type { Clock } from "./network.ts";

/** How long a stop may take. */
export interface StopOptions {
  /**
   * How long calls under way may go on, in milliseconds; then their connections are aborted.
   *
   * @default {15_000}
   */
  readonly deadlineInMillis?: number;
}

/** How a stop went. */
export interface StopReport {
  /** How many connections ended by themselves. */
  readonly completed: number;
  /** How many were cut at the deadline, or were accepted and never taken. */
  readonly aborted: number;
}

/** A stop under way. */
export interface Stop {
  /** Resolves when it is over. */
  readonly report: Promise<StopReport>;
  /** Ends the patience with what is under way. */
  hurry(): void;
}

/** The connections that are open. */
export class OpenConnections {
  readonly #clock: Clock;
  readonly #connections = new Bag<Connection>(duplexOf);
  /** The connections, for reading. */
  readonly connections: ReadonlySet<Connection> = new ConnectionSet(this.#connections);
  #onLeave: (() => void) | undefined;

  /** @param clock The time that a stop's deadline goes by. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Adds a connection, until it is freed.
   *
   * @param connection The connection.
   * @param onLeave Called when it is freed.
   */
  add(connection: Connection, onLeave?: () => void): void {
    this.#connections.add(connection);
    const duplex = duplexOf(connection);
    duplex.onLeave = () => {
      this.#connections.delete(connection);
      onLeave?.();
      this.#onLeave?.();
    };
    if (this.#onLeave !== undefined) duplex.stop();
  }

  /**
   * Closes each connection as soon as it has nothing to do, and aborts what is left at the deadline or when
   * hurried, without waiting for handlers that never return.
   *
   * @param deadlineInMillis How long it may take.
   * @param hurried Resolves when it must be over at once.
   */
  async stop(deadlineInMillis: number, hurried: Promise<void>): Promise<StopReport> {
    const over = Promise.withResolvers<void>();
    void hurried.then(over.resolve);
    const timer = deadlineInMillis === Infinity
      ? undefined
      : this.#clock.setTimeout(over.resolve, deadlineInMillis);
    let completed = 0;
    this.#onLeave = () => {
      completed++;
      if (this.#connections.size === 0) over.resolve();
    };
    for (const connection of this.#connections) duplexOf(connection).stop();
    if (this.#connections.size === 0) over.resolve();
    await over.promise;
    if (timer !== undefined) this.#clock.clearTimeout(timer);
    this.#onLeave = undefined;
    const rest = [...this.#connections];
    for (const connection of rest) {
      connection.abort(new GenericError("closed", "The listener was stopped"));
    }
    return { completed, aborted: rest.length };
  }
}
