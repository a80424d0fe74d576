// How long a peer that owes answers may say nothing: from when it owes one, not from when it said something last.
//
// A read's own timeout begins with the read, and that goes on while nothing is owed. So one that runs out says only
// for how long nothing came; here it is known since when something was owed, and the next read waits for the rest.

import { GenericError, type SocketError } from "../base/errors.ts";
import type { ReadOptions } from "../connection/pull.ts";
import type { StreamCore } from "../connection/stream_core.ts";

/** How long the peer of one connection may say nothing. */
export class Silence {
  readonly #core: Pick<StreamCore, "clock" | "heldAt" | "reader" | "readTimeoutInMillis">;
  #owedSince = -Infinity;
  /** How often something had arrived when the wait for a rest began. */
  #arrivalsBefore = 0;
  #rest: ReadOptions | undefined;

  /** @param core Of which connection. */
  constructor(core: Pick<StreamCore, "clock" | "heldAt" | "reader" | "readTimeoutInMillis">) {
    this.#core = core;
  }

  /** How the next read waits. */
  get options(): ReadOptions | undefined {
    return this.#rest;
  }

  /** Something is owed, and nothing was before. */
  begin(): void {
    this.#owedSince = this.#core.clock.now();
  }

  /** A message has come. */
  renew(): void {
    this.#rest = undefined;
  }

  /**
   * A read has timed out.
   *
   * @param owes Whether anything is owed.
   * @returns What the connection ends with, where the peer has said nothing for too long.
   */
  endBy(owes: boolean): SocketError | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    if (!owes) return undefined;
    const { clock, reader, readTimeoutInMillis: timeout } = this.#core;
    const now = clock.now();
    const waited = rest?.timeoutInMillis ?? timeout;
    // Each byte has begun the wait anew.
    const heardAt = reader.inflow.arrivals === this.#arrivalsBefore ? -Infinity : now - waited;
    // What our own pace holds back cannot be answered.
    const since = Math.max(this.#owedSince, heardAt, this.#core.heldAt(now));
    const left = Math.ceil(since + timeout - now);
    if (left <= 0) {
      const why = `Connection ended: it owes answers, and nothing came for ${timeout} ms`;
      return new GenericError("timed-out", why);
    }
    this.#arrivalsBefore = reader.inflow.arrivals;
    this.#rest = { timeoutInMillis: left };
    return undefined;
  }
}
