// Listener: accepts connections and hands them to a service or to an iteration, and stops in good order.
//
//   new --start()--> listening --gracefulStop() / immediateStop()--> stopped --start()--> ...
//
// Nothing is accepted while there is neither a service nor an iteration that waits: the system's backlog does.

import { checkInterval, checkObject } from "./arguments.ts";
import { Entrance } from "./entrance.ts";
import { GenericError, type SocketError } from "./errors.ts";
import type { ListenerStats } from "./guard/listener_stats.ts";
import { checkListenerConfig, type ListenerConfig } from "./listener_config.ts";
import type { Stop, StopOptions, StopReport } from "./open_connections.ts";
import { type Caller, checkService } from "./service.ts";
import { serveWith, type ServiceOrFactory } from "./service_factory.ts";
import type { HandshakeCounts } from "./transport/handshakes.ts";
import type { ListenerCertificates } from "./transport/secure_socket.ts";

/**
 * Accepts connections and outlives every one of them.
 *
 * Attach a service, or iterate; then `start`. Both need `--allow-net`.
 *
 * @example A service
 * ```ts
 * import { Listener } from "https://deno.land/x/socket@v0.1.0/mod.ts";
 *
 * const listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach({
 *   async onReadReady(caller) {
 *     const [bytes, length] = await caller.read();
 *     if (length > 0) await caller.write(bytes);
 *   },
 * });
 * await listener.start();
 * console.log(`listening on port ${listener.port}`);
 * await listener.gracefulStop();
 * ```
 */
export class Listener implements AsyncIterable<Caller>, AsyncDisposable {
  readonly #signal: AbortSignal | undefined;
  readonly #entrance: Entrance;
  readonly #onAbort = () => void this.gracefulStop();
  #service: ServiceOrFactory | undefined;
  #isAccepting = false;
  #iteration: object | undefined;
  #starting: Promise<void> | undefined;
  #stop: Stop | undefined;
  #closed = Promise.withResolvers<SocketError | undefined>();
  #hasClosed = false;

  /**
   * Makes a listener that does not listen yet.
   *
   * @param port The port to listen on; 0 for one that the system chooses.
   * @param config How it and its connections behave.
   * @throws {TypeError | RangeError} The port or a field of `config` is wrong.
   */
  constructor(port: number, config: ListenerConfig = {}) {
    const settings = checkListenerConfig(port, config);
    this.#signal = settings.signal;
    this.#entrance = new Entrance(settings, config);
  }

  /** The port it is bound to; before the first `start`, the one asked for. */
  get port(): number {
    return this.#entrance.port;
  }

  /** The local address or path it is bound to; before the first `start`, what was asked for. */
  get address(): string {
    return this.#entrance.address;
  }

  /** The connections that are open now. */
  get connections(): ReadonlySet<Caller> {
    return this.#entrance.open.connections;
  }

  /**
   * Resolves when it no longer listens, and never rejects: `undefined` after a stop, else the error that
   * ended accepting for good. A new promise after each `start`.
   */
  get closed(): Promise<SocketError | undefined> {
    return this.#closed.promise;
  }

  /** What has happened since it was made: connections let in, open and refused, bytes in and out. */
  stats(): ListenerStats {
    return this.#entrance.stats();
  }

  /** How the handshakes of secure connections go: under way, completed and failed. */
  get handshakes(): HandshakeCounts {
    return this.#entrance.handshakes;
  }

  /**
   * Puts other certificates in place: connections from now on get them, running ones stay as they are.
   *
   * @param certificates All of them; what is left out is none from now on. The other options stay.
   * @throws {TypeError} A field is wrong, or the listener has no `secureSocket`.
   * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option, and what is wrong with it;
   * the old ones stay.
   */
  async replaceCertificate(certificates: ListenerCertificates): Promise<void> {
    await this.#entrance.replaceCertificate(certificates);
  }

  /**
   * Hands every new connection to a service.
   *
   * @param service What is called for each connection, or a function that makes it for one.
   * @throws {TypeError} The service has no method to call, or a misspelled one.
   * @throws {GenericError} `"busy"`: one is attached already, or an iteration is under way.
   */
  attach(service: ServiceOrFactory): void {
    if (typeof service !== "function") checkService(service);
    if (this.#service !== undefined) {
      throw new GenericError(
        "busy",
        "Cannot attach: a service is attached already, detach it first",
      );
    }
    if (this.#iteration !== undefined) {
      throw new GenericError("busy", "Cannot attach: an iteration takes the connections");
    }
    this.#service = service;
    void this.#acceptForService();
  }

  /** Takes a service off: new connections no longer get it, running ones keep it. */
  detach(service: ServiceOrFactory): void {
    if (this.#service === service) this.#service = undefined;
  }

  /**
   * Binds the port and begins to accept.
   *
   * @returns Resolves when it is bound; starting twice is one start.
   * @throws {GenericError} `"in-use"`, `"unreachable"` (no such local address), `"denied"`, or `"handshake"` (a
   * certificate cannot be used; nothing was bound).
   */
  async start(): Promise<void> {
    if (this.#starting === undefined) {
      // Said at once: a stop that is asked for from now on stops what is begun here.
      const starting = this.#starting = this.#start(this.#stop).catch((error) => {
        if (this.#starting === starting) this.#starting = undefined;
        throw error;
      });
    }
    return await this.#starting;
  }

  async #start(before: Stop | undefined): Promise<void> {
    // A stop under way ends first.
    await before?.report;
    await this.#entrance.unlock();
    if (this.#hasClosed) {
      this.#hasClosed = false;
      this.#closed = Promise.withResolvers();
    }
    this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
    void this.#acceptForService();
  }

  /**
   * Stops in good order: accepts no more; connections with nothing to do close at once, calls under way
   * finish and what they wrote goes out; what is left at the deadline is aborted. A stopped listener can be
   * started again, on the same port. Stopping twice is one stop.
   *
   * @param options How long it may take.
   * @returns How many connections ended by themselves and how many were cut.
   * @throws {TypeError | RangeError} The deadline is wrong.
   */
  async gracefulStop(options: StopOptions = {}): Promise<StopReport> {
    const { deadlineInMillis = 15_000 } = checkObject("options", options);
    const deadline = checkInterval("deadlineInMillis", deadlineInMillis);
    return await this.#stopWithin(deadline).report;
  }

  /**
   * Stops now: every connection is aborted. Also ends a graceful stop under way.
   *
   * @returns Resolves when nothing is open any more; handlers under way are not waited for.
   */
  async immediateStop(): Promise<void> {
    const stop = this.#stopWithin(Infinity);
    stop.hurry();
    await stop.report;
  }

  /** Stops in good order, with the default deadline. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.gracefulStop();
  }

  /**
   * Iterates over new connections, accepting one each time the next is asked for. Ends at a stop. Leaving the
   * loop leaves the listener listening.
   *
   * @throws {GenericError} `"busy"`: a service is attached, or another iteration is under way.
   */
  [Symbol.asyncIterator](): AsyncIterator<Caller, undefined> {
    if (this.#service !== undefined) {
      throw new GenericError("busy", "Cannot iterate: a service takes the connections");
    }
    if (this.#iteration !== undefined) {
      throw new GenericError("busy", "Cannot iterate: another iteration takes the connections");
    }
    const iteration = this.#iteration = {};
    const end = () => {
      if (this.#iteration === iteration) this.#iteration = undefined;
      return { done: true, value: undefined } as const;
    };
    return {
      next: async () => {
        if (this.#iteration !== iteration) return end();
        if (!this.#entrance.isOpen) {
          end();
          if (this.#hasClosed || this.#stop !== undefined) return end();
          throw new GenericError("closed", "Cannot accept: not listening, call start() first");
        }
        const entrance = this.#entrance;
        try {
          const admission = await entrance.accept();
          if (admission === undefined) return end();
          if (this.#iteration !== iteration || this.#stop !== undefined) {
            entrance.putBack(admission);
            return end();
          }
          return { done: false, value: entrance.take(admission) };
        } catch (error) {
          end();
          this.#endForGood(error as SocketError);
          throw error;
        }
      },
      return: () => Promise.resolve(end()),
    };
  }

  async #acceptForService(): Promise<void> {
    if (this.#isAccepting) return;
    this.#isAccepting = true;
    try {
      const entrance = this.#entrance;
      while (this.#service !== undefined && entrance.isOpen) {
        const admission = await entrance.accept();
        if (admission === undefined) break;
        const service = this.#service as ServiceOrFactory | undefined;
        if (service === undefined || this.#stop !== undefined) {
          entrance.putBack(admission);
          break;
        }
        serveWith(entrance.take(admission), service);
      }
    } catch (error) {
      this.#endForGood(error as SocketError);
    } finally {
      this.#isAccepting = false;
    }
  }

  /** The stop under way; another one, behind it, where a start has been asked for since. */
  #stopWithin(deadlineInMillis: number): Stop {
    const before = this.#stop;
    if (before !== undefined && this.#starting === undefined) return before;
    const starting = this.#starting;
    this.#starting = undefined;
    const hurried = Promise.withResolvers<void>();
    const stop: Stop = {
      hurry() {
        before?.hurry();
        hurried.resolve();
      },
      report: this.#runStop(starting, deadlineInMillis, hurried.promise).finally(() => {
        if (this.#stop === stop) this.#stop = undefined;
      }),
    };
    return this.#stop = stop;
  }

  async #runStop(
    starting: Promise<void> | undefined,
    deadlineInMillis: number,
    hurried: Promise<void>,
  ): Promise<StopReport> {
    await starting?.catch(() => {});
    const neverTaken = await this.#entrance.lock();
    const { completed, aborted } = await this.#entrance.open.stop(deadlineInMillis, hurried);
    this.#end(undefined);
    return { completed, aborted: aborted + neverTaken };
  }

  /** The listening socket broke; open connections go on. */
  #endForGood(error: SocketError): void {
    void this.#entrance.lock();
    this.#starting = undefined;
    this.#end(error);
  }

  #end(error: SocketError | undefined): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#iteration = undefined;
    this.#hasClosed = true;
    this.#closed.resolve(error);
  }
}
