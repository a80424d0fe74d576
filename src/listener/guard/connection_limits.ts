// The limits of a listener for its open connections: a minimum rate for each, and a maximum for what all of them have
// queued.

import { type Connection, coreOf } from "../../connection/connection.ts";
import type { ListenerLimits } from "../../connection/origin.ts";
import { GenericError } from "../../base/errors.ts";
import type { Guard, Pass } from "./guard.ts";
import { MinimumRate } from "../../connection/minimum_rate.ts";
import { QueueBudget } from "./queue_budget.ts";

/** Sets the limits of one listener. */
export class ConnectionLimits {
  readonly #guard: Guard;
  readonly #budget: QueueBudget<Connection> | undefined;

  /**
   * Begins with nothing queued.
   *
   * @param guard Counts and reports connections that are ended, and has the limits.
   * @param connections The open connections.
   */
  constructor(guard: Guard, connections: Iterable<Connection>) {
    this.#guard = guard;
    const { maxTotalQueuedBytes } = guard.settings;
    if (maxTotalQueuedBytes !== Infinity) {
      this.#budget = new QueueBudget(maxTotalQueuedBytes, connections, evict);
    }
  }

  /** The limits of a connection that was let in with a pass; `undefined` if there are none. */
  of(pass: Pass): ListenerLimits | undefined {
    const budget = this.#budget;
    const { minBytesPerSecond, minRateIntervalInMillis } = this.#guard.settings;
    // Without limits nothing has to be checked at every write and wait.
    if (budget === undefined && minBytesPerSecond === 0) return undefined;
    return {
      minimumRate: minBytesPerSecond === 0
        ? undefined
        : new MinimumRate(minBytesPerSecond, minRateIntervalInMillis),
      mayQueue: (length, queuedBytes, isTried) => {
        if (budget === undefined || budget.add(length, queuedBytes)) return true;
        if (!isTried) this.#guard.reject(pass, "queue-limit");
        return false;
      },
      onDequeued: (length) => budget?.remove(length),
      onSlow: () => this.#guard.reject(pass, "slow-sender"),
      onEvicted: () => this.#guard.reject(pass, "queue-limit"),
    };
  }
}

function evict(heaviest: Connection): void {
  coreOf(heaviest).evict(
    new GenericError(
      "overflow",
      `Connection ended: of all that share the listener's maxTotalQueuedBytes it had the most queued, ` +
        `${heaviest.queuedBytes} bytes`,
    ),
  );
}
