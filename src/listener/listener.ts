// Listener: hands connections to a service or to an iteration. Its life is in life_cycle.ts; how connections are let in
// and ended is in entrance.ts.
//
// Nothing is accepted while there is neither a service nor a waiting iteration: connections stay in the system's
// backlog.

import { OVER } from "../base/iteration.ts";
import { Consumers, type IterationOptions } from "./consumers.ts";
import { Entrance } from "./entrance.ts";
import type { SocketError } from "../base/errors.ts";
import type { ListenerStats } from "./guard/listener_stats.ts";
import { LifeCycle, type StopOptions, type StopReport } from "./life_cycle.ts";
import { type ListenerConfig, resolveListenerConfig } from "./listener_config.ts";
import { type Handler, type HandlerCallbacks, serviceOf } from "../connection/handler.ts";
import type { Caller } from "../connection/service.ts";
import { readServing, type ServiceOrFactory, type Serving } from "../connection/service_factory.ts";
import type { ListenerCertificateConfig } from "../tls/listener_secure_socket_config.ts";

/**
 * Accepts connections and outlives every one of them.
 *
 * Attach a service and `start`; or `start`, then iterate. Both need `--allow-net`.
 *
 * @example A service
 * ```ts
 * import { Listener } from "socket/mod.ts";
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
  readonly #entrance: Entrance;
  readonly #life: LifeCycle;
  /** A service has `serve`, an iteration has not. */
  readonly #consumers: Consumers<{ readonly serve?: Serving }>;
  #isAccepting = false;

  /**
   * Makes a listener that does not listen yet.
   *
   * @param port The port to listen on; 0 for one that the system chooses.
   * @param config How it and its connections behave.
   * @throws {TypeError | RangeError} The port or a field of `config` is wrong.
   */
  constructor(port: number, config?: ListenerConfig);
  constructor(port: number, config: ListenerConfig = {}) {
    const settings = resolveListenerConfig(port, config);
    const consumers = this.#consumers = new Consumers({
      isOpen: () => this.#entrance.isOpen,
      isOver: () => this.#life.isOver || this.#life.isStopping,
      notOpen: "Cannot accept: not listening",
      onConsumer: (consumer) => {
        if (consumer === undefined) this.#entrance.onUnwanted();
        else void this.#acceptForService();
      },
    });
    this.#entrance = new Entrance(settings, {
      get isWanted() {
        return consumers.current !== undefined;
      },
      stopping: () => this.#life.stopping,
      onOpen: () => void this.#acceptForService(),
      onEnd: () => consumers.endIteration(),
    });
    const { network: { clock }, signal, stopDeadlineInMillis } = settings;
    this.#life = new LifeCycle(this.#entrance, { clock, signal, stopDeadlineInMillis });
  }

  /** The port it is bound to; before the first `start`, the one asked for. */
  get port(): number {
    return this.#entrance.port;
  }

  /** The local address or path it is bound to; before the first `start`, what was asked for. */
  get address(): string {
    return this.#entrance.address;
  }

  /** The connections that are open at any time. */
  get connections(): ReadonlySet<Caller> {
    return this.#entrance.openConnections.connections;
  }

  /**
   * Resolves when it no longer listens, and never rejects: `undefined` after a stop, else the error that ended
   * accepting for good, or that `start` has thrown. A new promise after each `start`. A `start` whose `signal` is
   * aborted already counts as a stop: `undefined`.
   */
  get closed(): Promise<SocketError | undefined> {
    return this.#life.closed;
  }

  /**
   * Aborts as soon as a stop is asked for, or when it no longer listens for another reason: for loops that produce
   * something, and for readiness probes. A new signal after each `start`. Its reason is a `SocketError`.
   *
   * @example Not ready as soon as a stop is asked for
   * ```ts
   * import { Listener } from "socket/mod.ts";
   *
   * const listener = new Listener(0, { interface: "127.0.0.1" });
   * listener.attach({ onBytes: (_caller, bytes) => bytes });
   * await listener.start();
   * const isReady = () => !listener.stopping.aborted;
   * console.log(isReady()); // true
   * const stopped = listener.gracefulStop({ acceptForInMillis: 10 });
   * console.log(isReady()); // false
   * await stopped;
   * ```
   */
  get stopping(): AbortSignal {
    return this.#life.stopping;
  }

  /** Whether accepting was suspended. */
  get isSuspended(): boolean {
    return this.#entrance.isSuspended;
  }

  /**
   * Accepts nobody until `resume`. New connections wait in the system's backlog, as many as fit there; the one that was
   * being accepted, and handshakes under way, wait behind it. Open connections go on. It may be called at any time: a
   * listener that was suspended before `start` binds and accepts nobody, and one that is stopped and started again is
   * still suspended. A stop handles those that wait.
   */
  suspend(): void {
    this.#entrance.suspend();
  }

  /** Goes on accepting after `suspend`. */
  resume(): void {
    this.#entrance.resume();
  }

  /** What has happened since it was made: connections let in, refused and ended, handshakes, bytes. */
  stats(): ListenerStats {
    return this.#entrance.stats();
  }

  /**
   * Replaces the certificates: new connections get the new ones, open ones stay as they are.
   *
   * @param certificates All of them; what is left out is removed. The other options stay.
   * @throws {TypeError} A field is wrong, or the listener has no `secureSocket`.
   * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option cannot be used, and why; the old
   * ones stay.
   */
  async replaceCertificate(certificates: ListenerCertificateConfig): Promise<void> {
    await this.#entrance.replaceCertificate(certificates);
  }

  /**
   * Hands every new connection to a service.
   *
   * @param service What is called for each connection, or a function that makes a service for one.
   * @throws {TypeError} The service has no method to call, or a misspelled one.
   * @throws {GenericError} `"busy"`: a service is attached already, or an iteration is under way.
   */
  attach(service: ServiceOrFactory): void {
    this.#consumers.attach(service, { serve: readServing(service) });
  }

  /**
   * Serves each connection with a function of yours: attaches it, and starts.
   *
   * The connection closes when the handler returns. What the handler throws ends its own connection, and no other;
   * without `onError` it is printed. At a stop, a handler that waits for bytes reads nothing more (after `onStop`): its
   * iteration ends, or its `read` rejects with `"closed"`, which is not reported. What it has read before it may still
   * answer: the connection closes when it returns, or is cut at the deadline. Others have until the deadline, too.
   * The bytes of an iteration over the connection are lent until the next step: write them to any connection, awaited
   * or not, and copy what you keep.
   *
   * @param handler Called for each connection.
   * @param callbacks What else is called.
   * @returns Resolves when it is bound.
   * @throws {TypeError} The handler or a callback is not a function.
   * @throws {GenericError} `"busy"`, as in {@linkcode Listener.attach}; or as in {@linkcode Listener.start}.
   *
   * @example An echo server
   * ```ts
   * import { Listener } from "socket/mod.ts";
   *
   * await using listener = new Listener(0, { interface: "127.0.0.1" });
   * await listener.serve(async (caller) => {
   *   for await (const bytes of caller) await caller.write(bytes);
   * });
   * ```
   */
  serve(handler: Handler, callbacks?: HandlerCallbacks): Promise<void>;
  async serve(handler: Handler, callbacks: HandlerCallbacks = {}): Promise<void> {
    const service = serviceOf(handler, callbacks);
    await this.#consumers.serve(service, { serve: readServing(service) }, () => this.start());
  }

  /** Removes a service: new connections no longer get it, open ones keep it. */
  detach(service: ServiceOrFactory): void {
    this.#consumers.detach(service);
  }

  /**
   * Binds the port and begins to accept.
   *
   * @returns Resolves when it is bound; starting twice is one start.
   * @throws {GenericError} `"in-use"`, `"unreachable"` (no such local address), `"denied"`, or `"handshake"` (a
   * certificate cannot be used; nothing was bound); `"closed"`: a stop did not wait for a name that is looked up.
   * @throws {unknown} The reason of the config's `signal`, if that is aborted already.
   */
  async start(): Promise<void> {
    await this.#life.start();
  }

  /**
   * Stops gracefully. What arrived before the stop is handled: connections in the system's backlog are still accepted,
   * and bytes that wait in the system are still read. Connections with nothing to do then close at once, loops that
   * wait for bytes end, calls under way finish and what they wrote goes out. What is left at the deadline is aborted. A
   * stopped listener can be started again, on the same port. Stopping twice is one stop: the earliest deadline counts.
   *
   * With `inherited` or `reusePort`, others serve on: then a client that was accepted less than a second ago (or less
   * than half of the deadline) and has sent nothing is not idle yet, and its first bytes are waited for so long.
   *
   * With `acceptForInMillis` all of this begins later: until then everything goes on, and only `stopping` has aborted.
   *
   * @param options How long it may take.
   * @returns How many connections ended without being cut, how many were cut, and which.
   * @throws {TypeError | RangeError} An option is wrong.
   */
  gracefulStop(options?: StopOptions): Promise<StopReport>;
  async gracefulStop(options: StopOptions = {}): Promise<StopReport> {
    return await this.#life.gracefulStop(options);
  }

  /**
   * Stops now: every connection is aborted. Also ends a graceful stop under way.
   *
   * @returns Resolves when nothing is open any more; handlers under way are not awaited.
   */
  async immediateStop(): Promise<void> {
    await this.#life.immediateStop();
  }

  /** Stops gracefully, with the default deadline. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.gracefulStop();
  }

  /**
   * Iterates over new connections, accepting one each time the next is asked for. It ends at a stop, after the
   * connections that had arrived before. So the body of the loop must not await `gracefulStop`, which waits for the
   * loop. Leaving the loop leaves the listener listening.
   *
   * @throws {GenericError} `"busy"`: a service is attached, or another iteration is under way.
   */
  [Symbol.asyncIterator](): AsyncIterator<Caller, undefined> {
    return this.iterate();
  }

  /**
   * Iterates over new connections, as `for await` over the listener itself does, until a signal is aborted.
   *
   * @param options What ends the loop.
   * @throws {TypeError} An option is wrong.
   * @throws {GenericError} `"busy"`: a service is attached, or another iteration is under way.
   *
   * @example
   * ```ts
   * import { Client, Listener } from "socket/mod.ts";
   *
   * await using listener = new Listener(0, { interface: "127.0.0.1" });
   * await listener.start();
   * const enough = new AbortController();
   * const loop = (async () => {
   *   for await (const caller of listener.iterate({ signal: enough.signal })) {
   *     void caller.write("hello\n");
   *     void caller.close();
   *   }
   * })().catch((error) => console.log(error.name)); // AbortError
   *
   * await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
   * await client.readLine();
   * enough.abort();
   * await loop;
   * ```
   */
  iterate(options?: IterationOptions): AsyncIterableIterator<Caller, undefined> {
    const iteration = {};
    const isWanted = () => this.#consumers.current === iteration;
    return this.#consumers.iterate<Caller>(iteration, async () => {
      try {
        const entrance = this.#entrance;
        let admission = await entrance.accept(isWanted);
        while (admission !== undefined && isWanted() && entrance.isHeld) {
          entrance.putBack(admission);
          admission = await entrance.accept(isWanted);
        }
        if (admission === undefined) return OVER;
        if (isWanted()) return { done: false, value: entrance.take(admission) };
        entrance.putBack(admission);
        return OVER;
      } catch (error) {
        this.#endForGood(error as SocketError);
        throw error;
      }
    }, options);
  }

  async #acceptForService(): Promise<void> {
    if (this.#isAccepting) return;
    this.#isAccepting = true;
    try {
      const entrance = this.#entrance;
      while (this.#consumers.current?.serve !== undefined && entrance.isOpen) {
        const admission = await entrance.accept();
        if (admission === undefined) break;
        if (entrance.isHeld) {
          entrance.putBack(admission);
          continue;
        }
        const serve = this.#consumers.current?.serve;
        if (serve === undefined) {
          entrance.putBack(admission);
          break;
        }
        serve(entrance.take(admission));
      }
    } catch (error) {
      this.#endForGood(error as SocketError);
    } finally {
      this.#isAccepting = false;
    }
  }

  /** The listening socket broke; open connections go on. */
  #endForGood(error: SocketError): void {
    void this.#entrance.breakDown();
    this.#life.end(error);
  }
}
