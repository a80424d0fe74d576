// How often a client has connected again, as OpenTelemetry is told of it.

import type { Observe, Source } from "../events/instruments.ts";
import type { Attributes } from "../events/otel_api.ts";
import { Telemetry } from "../events/telemetry.ts";

/** The connections of one client after its first one, by what they are to. */
export class ReconnectCount implements Source {
  /** Each number has its own. */
  readonly attributes: Attributes = {};
  readonly #telemetry = new Telemetry("connection", "client");
  readonly #counts = new Map<Attributes, number>();
  #isFirst = true;

  /** Has the number collected. */
  constructor() {
    this.#telemetry.addSource(this);
  }

  /** There is a connection. @param to What is connected to, the same object each time. */
  up(to: Attributes): void {
    if (!this.#isFirst) this.#counts.set(to, (this.#counts.get(to) ?? 0) + 1);
    this.#isFirst = false;
  }

  /** There will be no other one. */
  over(): void {
    this.#telemetry.removeSource(this);
  }

  /** Gives the present numbers. */
  readonly measure = (observe: Observe): void => {
    for (const [to, count] of this.#counts) observe("socket.client.reconnects", count, to);
  };
}
