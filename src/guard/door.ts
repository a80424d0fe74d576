// Accepts those whom a guard lets in, and nobody before there is room.
//
//   accept() --> acceptor --> guard.enter() --(trusted proxy)--> header, many at a time --> ready
//                                  \-----------(everybody else)----------------------------/
//
// The face is that of an acceptor. Headers are read beside each other and beside the next accept, so that a
// proxy that is slow to send one keeps nobody waiting.

import type { Acceptor } from "../acceptor.ts";
import { MAX_INTERVAL_IN_MILLIS } from "../arguments.ts";
import type { Clock, Transport } from "../network.ts";
import type { Guard, Pass } from "./guard.ts";
import type { CheckedProxyProtocol } from "./guard_config.ts";
import { free, readProxyHeader } from "./proxied_transport.ts";
import { ProxyHeaderError } from "./proxy_header_error.ts";

/** A connection that was let in. */
export interface Admission {
  /** Its stream; behind the header, where it began with one. */
  readonly transport: Transport;
  /** Its pass, to be given back to the guard when the connection is over. */
  readonly pass: Pass;
}

/** Hands out the connections of one bound listener that its guard lets in, one at a time. */
export class Door {
  readonly #acceptor: Acceptor;
  readonly #guard: Guard;
  readonly #clock: Clock;
  /** Aborted when the door closes. */
  readonly #closing = new AbortController();
  readonly #ready: Admission[] = [];
  #identifying = 0;
  #isAccepting = false;
  #failure: { readonly error: unknown } | undefined;
  /** Those who wait in `accept`, the first first. */
  readonly #waiters: (() => void)[] = [];
  #endPause: (() => void) | undefined;

  /**
   * Opens nothing yet.
   *
   * @param acceptor What it accepts from, and closes.
   * @param guard Who decides.
   * @param clock The time that pauses and headers go by.
   */
  constructor(acceptor: Acceptor, guard: Guard, clock: Clock) {
    this.#acceptor = acceptor;
    this.#guard = guard;
    this.#clock = clock;
    guard.onRoom = () => this.#endPause?.();
  }

  /**
   * Waits for the next connection that is let in. Who asks while another one still waits comes after it: a
   * service that was detached has not given its place up yet when an iteration begins.
   *
   * @returns The connection, or `undefined` after {@linkcode Door.close}.
   * @throws {SocketError} An error that ends accepting for good.
   */
  async accept(): Promise<Admission | undefined> {
    while (!this.#isClosed) {
      const admission = this.#ready.shift();
      if (admission !== undefined) return admission;
      if (this.#failure !== undefined) throw this.#failure.error;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      if (!this.#isAccepting) void this.#acceptOn();
      await promise;
    }
    return undefined;
  }

  /** Takes a connection back that nobody wants now; the next accept gives it out. */
  putBack(admission: Admission): void {
    if (this.#isClosed) this.#turnAway(admission.transport, admission.pass);
    else {
      this.#ready.unshift(admission);
      this.#waiters.shift()?.();
    }
  }

  /**
   * Stops accepting: when it resolves, the port is free.
   *
   * @returns How many connections were accepted and never taken.
   */
  async close(): Promise<number> {
    if (this.#isClosed) return 0;
    const neverTaken = this.#identifying + this.#ready.length;
    this.#closing.abort();
    for (const { transport, pass } of this.#ready.splice(0)) this.#turnAway(transport, pass);
    this.#endPause?.();
    this.#wakeAll();
    return neverTaken + await this.#acceptor.close();
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #wakeAll(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Accepts as long as somebody waits. */
  async #acceptOn(): Promise<void> {
    this.#isAccepting = true;
    try {
      while (this.#waiters.length > 0) {
        const delay = this.#guard.acceptDelay();
        if (delay > 0) {
          await this.#pause(delay);
          continue;
        }
        const transport = await this.#acceptor.accept();
        if (transport === undefined) break;
        // Somebody whose header has come meanwhile was taken instead.
        if (this.#waiters.length === 0) this.#acceptor.putBack(transport);
        else this.#enter(transport);
      }
    } catch (error) {
      this.#failure = { error };
      this.#wakeAll();
    } finally {
      this.#isAccepting = false;
    }
  }

  /** Waits until there may be room. */
  async #pause(delayInMillis: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endPause = resolve;
    const timer = delayInMillis === Infinity ? undefined : this.#clock.setTimeout(
      resolve,
      Math.min(Math.ceil(delayInMillis), MAX_INTERVAL_IN_MILLIS),
    );
    await promise;
    this.#endPause = undefined;
    if (timer !== undefined) this.#clock.clearTimeout(timer);
  }

  #enter(transport: Transport): void {
    const pass = this.#guard.enter(transport.remoteAddr);
    if (pass === undefined) free(transport);
    else if (pass.needsHeader) void this.#identify(transport, pass);
    else this.#letIn({ transport, pass });
  }

  async #identify(transport: Transport, pass: Pass): Promise<void> {
    this.#identifying++;
    try {
      const proxied = await readProxyHeader(transport, {
        ...this.#guard.config.proxyProtocol as CheckedProxyProtocol,
        clock: this.#clock,
        signal: this.#closing.signal,
      });
      if (!this.#isClosed && this.#guard.identify(pass, proxied.header)) {
        this.#letIn({ transport: proxied, pass });
      } else {
        this.#turnAway(proxied, pass);
      }
    } catch (error) {
      if (error instanceof ProxyHeaderError) this.#guard.reject(pass, "proxy-header", error);
      // A stop is nobody's fault.
      else if (!this.#isClosed) this.#guard.reject(pass, "proxy-timeout");
      this.#guard.leave(pass);
    } finally {
      this.#identifying--;
    }
  }

  #letIn(admission: Admission): void {
    this.#ready.push(admission);
    this.#waiters.shift()?.();
  }

  #turnAway(transport: Transport, pass: Pass): void {
    free(transport);
    this.#guard.leave(pass);
  }
}
