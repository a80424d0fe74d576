// Whether a peer is still there: when nothing has come for a while it is asked, and must say something then.

import { GenericError, type SocketError } from "../base/errors.ts";
import type { StreamCore } from "../connection/stream_core.ts";

/** Whose connection is watched, and how patiently. */
export interface PulseHost {
  /** After how long without a byte the peer is asked, in milliseconds, or `Infinity`. */
  readonly pingInMillis: number;
  /** How long it may say nothing then, in milliseconds. */
  readonly pingTimeoutInMillis: number;
  /** Asks for a call of {@linkcode Pulse.look} by then. */
  lookBy(due: number): void;
  /** Asks the peer. @param due When it is found dead. */
  ping(due: number): void;
  /** The peer is dead. */
  onDead(error: SocketError): void;
}

/** The pulse of one connection. It has no timer: somebody looks when it is due. */
export class Pulse {
  readonly #core: StreamCore;
  readonly #host: PulseHost;
  #due = Infinity;
  #arrivalsBefore = -1;
  #isPinged = false;

  /** Begins. */
  constructor(core: StreamCore, host: PulseHost) {
    this.#core = core;
    this.#host = host;
    if (host.pingInMillis !== Infinity) this.#beatIn(host.pingInMillis);
  }

  /** When the next look is due. */
  get due(): number {
    return this.#due;
  }

  /** Nobody wants to know any more. */
  stop(): void {
    this.#due = Infinity;
  }

  /** Asks whether the peer is still there, when nothing has come for a while. */
  look(now: number): void {
    if (this.#due > now) return;
    const { pingInMillis, pingTimeoutInMillis } = this.#host;
    const { arrivals } = this.#core.reader.inflow;
    if (arrivals !== this.#arrivalsBefore) {
      this.#arrivalsBefore = arrivals;
      this.#isPinged = false;
      this.#beatIn(pingInMillis);
    } else if (!this.#isPinged) {
      this.#isPinged = true;
      this.#beatIn(pingTimeoutInMillis);
      this.#host.ping(now + pingTimeoutInMillis);
    } else if (this.#core.heldAt(now) + pingTimeoutInMillis > now) {
      // Our own pace may have held back the ping, or what it is behind.
      this.#beatIn(pingTimeoutInMillis);
    } else {
      const error = `Connection ended: nothing came for ${pingTimeoutInMillis} ms after a ping`;
      this.#host.onDead(new GenericError("timed-out", error));
    }
  }

  #beatIn(inMillis: number): void {
    this.#due = this.#core.clock.now() + inMillis;
    this.#host.lookBy(this.#due);
  }
}
