// UdpListener: hands datagrams, or sessions, to a service or to an iteration. How it lives is in life_cycle.ts.
//
// It receives only while there is a service, an iteration or an open session. Otherwise datagrams wait in the
// system's buffer. Everything between a start and its stop is in udp_serving.ts.

import { checkPort } from "../base/address.ts";
import { GenericError, type SocketError } from "../base/errors.ts";
import { Bag } from "../base/bag.ts";
import { Consumers, type IterationOptions } from "../listener/consumers.ts";
import {
  LifeCycle,
  type StopOptions,
  type StopReport,
  stopReport,
} from "../listener/life_cycle.ts";
import { LiveSet } from "../listener/live_set.ts";
import { refuseBinding } from "../network/inherited.ts";
import { tellReady } from "../network/readiness.ts";
import type { BufferSizes } from "../network/socket_info.ts";
import type { ReceivedDatagram } from "./loose_datagrams.ts";
import type { GroupOptions } from "./multicast.ts";
import {
  type SessionHandler,
  type SessionHandlerCallbacks,
  sessionServiceOf,
} from "./session_handler.ts";
import {
  resolveUdpListenerConfig,
  type UdpListenerConfig,
  type UdpListenerSettings,
} from "./udp_listener_config.ts";
import type { UdpServiceOrFactory } from "./udp_service.ts";
import { type Consumer, consumerOf, UdpServing } from "./udp_serving.ts";
import { coreOf, UdpSession } from "./udp_session.ts";
import { UdpListenerEvents } from "./udp_event.ts";
import { UdpCounts, type UdpListenerStats } from "./udp_stats.ts";

/**
 * Receives datagrams on one port, in order, whatever a service does with them.
 *
 * Attach a service and `start`; or `start`, then iterate. Needs `--allow-net`.
 *
 * @example Answer each datagram
 * ```ts
 * import { UdpClient, UdpListener } from "socket/mod.ts";
 *
 * const listener = new UdpListener(0, { interface: "127.0.0.1" });
 * listener.attach({ onDatagram: (_, { data }) => data });
 * await listener.start();
 *
 * const client = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: listener.port });
 * await client.write("Hello");
 * console.log(new TextDecoder().decode((await client.read())[0])); // Hello
 *
 * await client.close();
 * await listener.gracefulStop();
 * ```
 */
export class UdpListener implements AsyncIterable<ReceivedDatagram>, AsyncDisposable {
  readonly #settings: UdpListenerSettings;
  readonly #life: LifeCycle;
  readonly #consumers: Consumers<Consumer>;
  readonly #counts = new UdpCounts();
  readonly #events: UdpListenerEvents;
  readonly #open = new Bag<UdpSession>(coreOf);
  readonly #sessions = new LiveSet(this.#open, (value) => value instanceof UdpSession);
  #port: number;
  #address: string;
  #serving: UdpServing | undefined;
  #isSuspended = false;

  /**
   * Makes a listener that is not bound yet.
   *
   * @param port The port to bind; 0 for one that the system chooses.
   * @param config How it behaves.
   * @throws {TypeError | RangeError} The port or a field of `config` is wrong.
   */
  constructor(port: number, config?: UdpListenerConfig);
  constructor(port: number, config: UdpListenerConfig = {}) {
    this.#port = checkPort("port", port, 0);
    this.#settings = resolveUdpListenerConfig(config);
    const { host, socket, signal, stopDeadlineInMillis, watch } = this.#settings;
    refuseBinding(socket.inherited, { port: port || undefined });
    this.#events = new UdpListenerEvents(this, watch, socket.network.clock);
    this.#address = host;
    this.#life = new LifeCycle(
      {
        open: () => this.#bind(),
        shut: async (patience) => await this.#serving?.stop(patience) ?? stopReport(0, []),
        onStopping: () => this.#events.stopping(),
        onEnd: (error) => this.#onEnd(error),
      },
      { clock: socket.network.clock, signal, stopDeadlineInMillis },
    );
    this.#consumers = new Consumers<Consumer>({
      isOpen: () => this.#serving !== undefined,
      isOver: () => this.#life.isOver || this.#life.isStopping,
      notOpen: "Cannot receive: not bound",
      onConsumer: (consumer) => this.#serving?.serve(consumer),
    });
  }

  /** The port it is bound to; before the first `start`, the one asked for. */
  get port(): number {
    return this.#port;
  }

  /** The local address it is bound to; before the first `start`, the interface asked for. */
  get address(): string {
    return this.#address;
  }

  /** The sessions that are open now. */
  get sessions(): ReadonlySet<UdpSession> {
    return this.#sessions;
  }

  /**
   * Resolves when it no longer receives: with `undefined` after a stop, else with the error that ended receiving for
   * good or that `start` threw. Never rejects. Each `start` makes a new promise. A `start` whose `signal` is aborted
   * already counts as a stop: `undefined`.
   */
  get closed(): Promise<SocketError | undefined> {
    return this.#life.closed;
  }

  /**
   * Aborts as soon as a stop is asked for, or when it no longer receives for another reason: for loops that produce
   * something, and for readiness probes. A new signal after each `start`. Its reason is a `SocketError`.
   */
  get stopping(): AbortSignal {
    return this.#life.stopping;
  }

  /** Whether handing out was suspended. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /**
   * Hands out no datagram and begins no session until `resume`. Open sessions go on. Datagrams wait in the system's
   * buffer; while sessions are open, up to `maxUnreadBytes` of those of other peers wait here. It may be called at any
   * time: a listener that is stopped and started again is still suspended. A stop handles what waits.
   */
  suspend(): void {
    this.#isSuspended = true;
    this.#serving?.suspend();
  }

  /** Goes on handing out after `suspend`. */
  resume(): void {
    this.#isSuspended = false;
    this.#serving?.resume();
  }

  /**
   * What has happened since it was made: datagrams received, sent and dropped, sessions begun and ended.
   *
   * @example
   * ```ts
   * import { UdpListener } from "socket/mod.ts";
   *
   * await using listener = new UdpListener(0, { interface: "127.0.0.1" });
   * listener.attach({ onBytes: (_, bytes) => bytes });
   * await listener.start();
   * const { received, dropped } = listener.stats();
   * console.log(received.datagrams, dropped["queue-limit"]); // 0 0
   * ```
   */
  stats(): UdpListenerStats {
    return this.#counts.stats(this.#open.size, this.#serving?.socket);
  }

  /**
   * Hands every datagram, or every session, to a service.
   *
   * @param service The service, or a function that makes one for each session.
   * @throws {TypeError} The service has no method to call, or a misspelled one.
   * @throws {GenericError} `"busy"`: one is attached already, or an iteration is under way.
   *
   * @example A service for each peer
   * ```ts
   * import { UdpListener } from "socket/mod.ts";
   *
   * const listener = new UdpListener(0, { interface: "127.0.0.1" });
   * listener.attach(() => {
   *   let count = 0;
   *   return { onDatagram: () => `your ${++count}. datagram` };
   * });
   * await listener.start();
   * await listener.gracefulStop();
   * ```
   */
  attach(service: UdpServiceOrFactory): void {
    this.#consumers.attach(service, consumerOf(service));
  }

  /**
   * Serves each session with a loop of yours: attaches the loop, and starts.
   *
   * The session closes when the handler returns. An error thrown by the handler ends its own session and no other.
   * Without `onError` the error is printed. At a stop a handler that only waits for datagrams reaches the end of its
   * loop. Other handlers have until the deadline.
   *
   * @param handler Called for each session: it begins with the first datagram of a peer.
   * @param callbacks The other methods to call.
   * @returns Resolves when it is bound.
   * @throws {TypeError} The handler or a callback is not a function.
   * @throws {GenericError} `"busy"`, as {@linkcode UdpListener.attach}; or as {@linkcode UdpListener.start}.
   *
   * @example Count what each peer sends
   * ```ts
   * import { UdpListener } from "socket/mod.ts";
   *
   * await using listener = new UdpListener(0, { interface: "127.0.0.1" });
   * await listener.serve(async (session) => {
   *   let count = 0;
   *   for await (const _datagram of session) await session.write(`your ${++count}. datagram`);
   * });
   * ```
   */
  serve(handler: SessionHandler, callbacks?: SessionHandlerCallbacks): Promise<void>;
  async serve(handler: SessionHandler, callbacks: SessionHandlerCallbacks = {}): Promise<void> {
    const service = sessionServiceOf(handler, callbacks);
    await this.#consumers.serve(service, consumerOf(service), () => this.start());
  }

  /**
   * Detaches a service: it gets no more datagrams and no new sessions, but keeps the sessions it has. While those are
   * open, datagrams from other peers wait for the next service or iteration.
   */
  detach(service: UdpServiceOrFactory): void {
    this.#consumers.detach(service);
  }

  /**
   * Binds the port and begins to receive.
   *
   * @returns Resolves when it is bound; starting twice is one start.
   * @throws {GenericError} `"in-use"`, `"unreachable"` (no such local address), or `"denied"`; `"closed"`: a stop did
   * not wait for a name that is looked up.
   * @throws {unknown} The reason of the config's `signal`, if that is aborted already.
   */
  async start(): Promise<void> {
    await this.#life.start();
  }

  async #bind(): Promise<void> {
    const serving = new UdpServing(
      this.#port,
      this.#settings,
      this.#open,
      this.#counts,
      this.#events,
    );
    const { host, port } = await serving.socket.bound;
    if (this.#settings.notifyReady) await this.#tellReady(serving);
    this.#address = host;
    this.#port = port;
    this.#serving = serving;
    if (this.#isSuspended) serving.suspend();
    this.#events.bound();
    void serving.socket.closed.then((error) => {
      if (this.#serving === serving) this.#life.end(error);
    });
    serving.serve(this.#consumers.current);
  }

  async #tellReady({ socket }: UdpServing): Promise<void> {
    try {
      await tellReady(this.#settings.socket.network, this.#life.stopping);
    } catch (error) {
      await socket.abort(error as SocketError);
      throw error;
    }
  }

  /**
   * How large the system's buffers are: what it gave for `receiveBufferSize` and `sendBufferSize`, or what it has
   * chosen. Needs `linuxNetwork`.
   *
   * @returns A frozen record; each call asks the system anew.
   * @throws {GenericError} `"unsupported"`: the network cannot tell. `"closed"`: not started.
   */
  bufferSizes(): Promise<BufferSizes> {
    return this.#serving?.socket.bufferSizes() ??
      notStarted("read the sizes of the system's buffers");
  }

  #onEnd(error: SocketError | undefined): void {
    if (this.#serving !== undefined) this.#counts.keepLosses(this.#serving.socket);
    this.#serving = undefined;
    this.#events.stopped(error);
    this.#consumers.endIteration();
  }

  /**
   * Stops in good order. Datagrams that arrived before the stop are still handled, even those in the system's buffer.
   * Then idle sessions close at once, calls under way finish, and what they send goes out. At the deadline the rest
   * is aborted. A stopped listener can be started again, on the same port. Stopping twice is one stop: the earliest deadline counts.
   *
   * With `acceptForInMillis` all of this begins later: until then everything goes on, and only `stopping` has aborted.
   *
   * @param options How long the stop may take.
   * @returns How many calls and sessions ended without being cut, how many were cut, and which.
   * @throws {TypeError | RangeError} An option is wrong.
   */
  gracefulStop(options?: StopOptions): Promise<StopReport>;
  async gracefulStop(options: StopOptions = {}): Promise<StopReport> {
    return await this.#life.gracefulStop(options);
  }

  /**
   * Stops now: waiting datagrams are dropped, and every session ends. Also ends a graceful stop under way. No further
   * datagram is given to a method or to a loop, except for what a session that was idle too long before has kept for
   * its user; and what calls under way return is not sent.
   *
   * @returns Resolves when the port is free. It does not wait for calls under way.
   */
  async immediateStop(): Promise<void> {
    await this.#life.immediateStop();
  }

  /** Stops in good order, with the default deadline. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.gracefulStop();
  }

  /**
   * Iterates over datagrams, each with its caller, which sends the answer. A stop ends the loop, after the datagrams
   * that arrived before the stop. `gracefulStop` waits for the loop, so its body must not await `gracefulStop`.
   * Leaving the loop leaves the listener bound.
   *
   * @throws {GenericError} `"busy"`: a service is attached, or another iteration is under way.
   */
  [Symbol.asyncIterator](): AsyncIterator<ReceivedDatagram, undefined> {
    return this.iterate();
  }

  /**
   * Iterates over datagrams, as `for await` over the listener itself does, until a signal is aborted.
   *
   * @param options What ends the loop.
   * @throws {TypeError} An option is wrong.
   * @throws {GenericError} `"busy"`: a service is attached, or another iteration is under way.
   */
  iterate(options?: IterationOptions): AsyncIterableIterator<ReceivedDatagram, undefined> {
    const next = () => this.#serving!.nextDatagram();
    return this.#consumers.iterate({ kind: "datagrams" }, next, options);
  }

  /**
   * Iterates over new sessions: one begins with the first datagram of a peer. A stop ends the loop, after the
   * sessions that began before the stop. `gracefulStop` waits for the loop, so its body must not await
   * `gracefulStop`. Leaving the loop leaves the listener bound and its sessions open.
   *
   * @param options What ends the loop.
   * @throws {TypeError} An option is wrong.
   * @throws {GenericError} `"busy"`: a service is attached, or another iteration is under way.
   */
  acceptSessions(options?: IterationOptions): AsyncIterableIterator<UdpSession, undefined> {
    const next = () => this.#serving!.nextSession();
    return this.#consumers.iterate({ kind: "sessions" }, next, options);
  }

  /**
   * Joins a multicast group. A stop ends it.
   *
   * @param group The group's IP address.
   * @param options The interface to join on, and the senders to hear.
   * @throws {TypeError | RangeError} An argument is wrong.
   * @throws {SocketError} `"busy"`: it was joined already; `"closed"`: not started; `"limit"`: it is in as many as
   * the system allows; `"unsupported"`; `"unreachable"`: the system refused.
   */
  joinGroup(group: string, options?: GroupOptions): Promise<void>;
  joinGroup(group: string, options: GroupOptions = {}): Promise<void> {
    return this.#serving?.groups.join(group, options) ?? notStarted("join a group");
  }

  /**
   * Leaves a group that {@linkcode UdpListener.joinGroup} joined. A stop leaves all groups, even those being left.
   *
   * @param group The group's IP address.
   * @param options The same options as for the join.
   * @throws {TypeError | RangeError} An argument is wrong, or it was not joined.
   * @throws {SocketError} `"closed"`: not started; or the system refused.
   */
  leaveGroup(group: string, options?: GroupOptions): Promise<void>;
  leaveGroup(group: string, options: GroupOptions = {}): Promise<void> {
    return this.#serving?.groups.leave(group, options) ?? notStarted("leave a group");
  }
}

function notStarted(action: string): Promise<never> {
  const why = `Cannot ${action}: not bound, call start() first`;
  return Promise.reject(new GenericError("closed", why));
}
