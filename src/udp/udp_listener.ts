// UdpListener: hands datagrams, or sessions, to a service or to an iteration. How it lives is in life_cycle.ts.
//
// Nothing is received while there is neither a service nor an iteration: what comes waits in the system's
// buffer. Everything between a start and its stop is in udp_serving.ts.

import { checkHost, checkPort } from "../base/address.ts";
import { checkInteger, checkInterval, checkSignal } from "../base/arguments.ts";
import { GenericError, type SocketError } from "../base/errors.ts";
import type { GroupOptions } from "./multicast.ts";
import {
  LifeCycle,
  type StopOptions,
  type StopReport,
  stopReport,
} from "../listener/life_cycle.ts";
import { turnsOf } from "../network/deno/deno_network.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { checkUdpConfig, UDP_OPTIONS, type UdpSocketConfig } from "./udp_config.ts";
import { readUdpService, type UdpService } from "./udp_service.ts";
import {
  type Consumer,
  type ReceivedDatagram,
  type ServingSettings,
  UdpServing,
} from "./udp_serving.ts";
import type { UdpSession } from "./udp_session.ts";

/** How a {@linkcode UdpListener} and its sessions behave; every field has a default. */
export interface UdpListenerConfig extends UdpSocketConfig {
  /**
   * Host name or IP address of the local interface. `"::"` is both IPv6 and IPv4.
   *
   * @default {"0.0.0.0"}
   */
  readonly interface?: string;
  /**
   * How many bytes wait while the service or the iteration is busy, each datagram counted with 256 more.
   * What does not fit is dropped and counted.
   *
   * @default {4_194_304}
   */
  readonly maxUnreadBytes?: number;
  /**
   * How many sessions there may be. Datagrams of further peers are dropped and counted.
   *
   * @default {10_000}
   */
  readonly maxSessions?: number;
  /**
   * After how long without a datagram, either way, a session ends.
   *
   * @default {60_000}
   */
  readonly sessionIdleTimeoutInMillis?: number;
  /**
   * How many bytes wait in one session, each datagram counted with 256 more.
   *
   * @default {262_144}
   */
  readonly maxUnreadBytesPerSession?: number;
  /**
   * How many bytes wait in all sessions together, each datagram counted with 256 more. Where there is no room,
   * sessions that keep much lose datagrams, which are counted, before those that keep little.
   *
   * @default {67_108_864}
   */
  readonly maxTotalUnreadBytes?: number;
  /**
   * How long a session's `read` and iteration wait for a datagram.
   *
   * @default {300_000}
   */
  readonly readTimeoutInMillis?: number;
  /** Its abort is `gracefulStop()`. */
  readonly signal?: AbortSignal;
}

const OPTIONS = [
  ...UDP_OPTIONS,
  ...optionNames<Omit<UdpListenerConfig, keyof UdpSocketConfig>>({
    interface: true,
    maxUnreadBytes: true,
    maxSessions: true,
    sessionIdleTimeoutInMillis: true,
    maxUnreadBytesPerSession: true,
    maxTotalUnreadBytes: true,
    readTimeoutInMillis: true,
    signal: true,
  }),
];

/**
 * Receives datagrams on one port, in order, whatever a service does with them.
 *
 * Attach a service, or iterate; then `start`. Needs `--allow-net`.
 *
 * @example Answer each datagram
 * ```ts
 * import { UdpClient, UdpListener } from "https://deno.land/x/socket@v0.1.0/mod.ts";
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
  readonly #interface: string;
  readonly #settings: ServingSettings;
  readonly #life: LifeCycle;
  #port: number;
  #address: string;
  #consumer: Consumer | undefined;
  #serving: UdpServing | undefined;
  #droppedBefore = 0;

  /**
   * Makes a listener that is not bound yet.
   *
   * @param port The port to bind; 0 for one that the system chooses.
   * @param config How it behaves.
   * @throws {TypeError | RangeError} The port or a field of `config` is wrong.
   */
  constructor(port: number, config: UdpListenerConfig = {}) {
    this.#port = checkPort("port", port, 0);
    const options = readOptions<UdpListenerConfig>("config", config, OPTIONS);
    const socket = checkUdpConfig(options);
    const {
      interface: hostname = "0.0.0.0",
      maxUnreadBytes = 4 * 1024 * 1024,
      maxSessions = 10_000,
      sessionIdleTimeoutInMillis = 60_000,
      maxUnreadBytesPerSession = 256 * 1024,
      maxTotalUnreadBytes = 64 * 1024 * 1024,
      readTimeoutInMillis = 300_000,
      signal,
    } = options;
    this.#interface = this.#address = checkHost("interface", hostname);
    this.#settings = {
      socket,
      session: {
        clock: socket.network.clock,
        turns: turnsOf(socket.network),
        idleTimeoutInMillis: checkInterval(
          "sessionIdleTimeoutInMillis",
          sessionIdleTimeoutInMillis,
        ),
        queueLimit: checkInteger("maxUnreadBytesPerSession", maxUnreadBytesPerSession, 0),
        drop: socket.receiveQueueDrop,
        limits: { timeoutInMillis: checkInterval("readTimeoutInMillis", readTimeoutInMillis) },
      },
      maxUnreadBytes: checkInteger("maxUnreadBytes", maxUnreadBytes, 0),
      maxSessions: checkInteger("maxSessions", maxSessions, 0),
      maxTotalUnreadBytes: checkInteger("maxTotalUnreadBytes", maxTotalUnreadBytes, 0),
    };
    this.#life = new LifeCycle(
      {
        open: () => this.#open(),
        shut: async (patience) => await this.#serving?.stop(patience) ?? stopReport(0, []),
        onEnd: () => this.#onEnd(),
      },
      socket.network.clock,
      signal === undefined ? undefined : checkSignal(signal),
    );
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
  get sessions(): UdpSession[] {
    return this.#serving?.sessions.open ?? [];
  }

  /**
   * How many datagrams reached this listener and nobody gets: a queue was full, there were too many sessions,
   * a session was over before anybody had taken it, they came from somebody else than the peer, from port 0,
   * from the listener's own address, or during a stop. What the system dropped before is not known.
   */
  get droppedDatagrams(): number {
    return this.#droppedBefore + (this.#serving?.droppedDatagrams ?? 0);
  }

  /**
   * Resolves when it no longer receives, and never rejects: `undefined` after a stop, else the error that
   * ended receiving for good, or that `start` has thrown. A new promise after each `start`.
   */
  get closed(): Promise<SocketError | undefined> {
    return this.#life.closed;
  }

  /**
   * Hands every datagram, or every session, to a service.
   *
   * @param service What is called.
   * @throws {TypeError} The service has no method to call, or a misspelled one.
   * @throws {GenericError} `"busy"`: one is attached already, or an iteration is under way.
   */
  attach(service: UdpService): void {
    this.#consume({ kind: "service", service, methods: readUdpService(service) }, "attach");
  }

  /** Takes a service off: it gets no more datagrams and no new sessions; those it has it keeps. */
  detach(service: UdpService): void {
    if (this.#consumer?.kind === "service" && this.#consumer.service === service) this.#consume();
  }

  #consume(consumer?: Consumer, action?: string): void {
    const before = this.#consumer;
    if (consumer !== undefined && before !== undefined) {
      const who = before.kind === "service"
        ? "a service is attached already, detach it first"
        : "an iteration is under way";
      throw new GenericError("busy", `Cannot ${action}: ${who}`);
    }
    this.#consumer = consumer;
    this.#serving?.serve(consumer);
  }

  /**
   * Binds the port and begins to receive.
   *
   * @returns Resolves when it is bound; starting twice is one start.
   * @throws {GenericError} `"in-use"`, `"unreachable"` (no such local address), or `"denied"`.
   */
  async start(): Promise<void> {
    await this.#life.start();
  }

  async #open(): Promise<void> {
    const serving = new UdpServing(this.#interface, this.#port, this.#settings);
    const { host, port } = await serving.socket.bound;
    this.#address = host;
    this.#port = port;
    this.#serving = serving;
    void serving.socket.closed.then((error) => {
      if (this.#serving === serving) this.#life.end(error);
    });
    serving.serve(this.#consumer);
  }

  #onEnd(): void {
    this.#droppedBefore = this.droppedDatagrams;
    this.#serving = undefined;
    if (this.#consumer?.kind !== "service") this.#consumer = undefined;
  }

  /**
   * Stops in good order: datagrams that came before it are still handled, also those in the system's buffer.
   * Then idle sessions close at once, calls under way finish and what they send goes out; what is left at the
   * deadline is aborted. A stopped listener can be started again, on the same port. Stopping twice is one stop.
   *
   * @param options How long it may take.
   * @returns How many calls and sessions ended by themselves, how many were cut, and which.
   * @throws {TypeError | RangeError} The deadline is wrong.
   */
  async gracefulStop(options: StopOptions = {}): Promise<StopReport> {
    return await this.#life.gracefulStop(options);
  }

  /**
   * Stops now: what waits is dropped, every session ends. Also ends a graceful stop under way.
   *
   * @returns Resolves when the port is free; calls under way are not waited for.
   */
  async immediateStop(): Promise<void> {
    await this.#life.immediateStop();
  }

  /** Stops in good order, with the default deadline. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.gracefulStop();
  }

  /**
   * Iterates over datagrams, each with its caller to answer by. Ends at a stop, behind those that had come before
   * it: so the body of the loop must not await `gracefulStop`, which waits for it. Leaving the loop leaves the
   * listener bound.
   *
   * @throws {GenericError} `"busy"`: a service is attached, or another iteration is under way.
   */
  [Symbol.asyncIterator](): AsyncIterator<ReceivedDatagram, undefined> {
    return this.#iterate({ kind: "datagrams" }, (serving) => serving.nextDatagram());
  }

  /**
   * Iterates over new sessions: one begins with the first datagram of a peer. Ends at a stop. Leaving the
   * loop leaves the listener bound and its sessions open.
   *
   * @throws {GenericError} `"busy"`: a service is attached, or another iteration is under way.
   */
  acceptSessions(): AsyncIterableIterator<UdpSession, undefined> {
    const iterator = this.#iterate({ kind: "sessions" }, (serving) => serving.nextSession());
    return {
      ...iterator,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #iterate<T>(
    consumer: Consumer,
    take: (serving: UdpServing) => Promise<IteratorResult<T, undefined>>,
  ): {
    next(): Promise<IteratorResult<T, undefined>>;
    return(): Promise<IteratorResult<T, undefined>>;
  } {
    this.#consume(consumer, "iterate");
    const over = { done: true, value: undefined } as const;
    const leave = () => {
      if (this.#consumer === consumer) this.#consume();
    };
    return {
      next: async () => {
        if (this.#consumer !== consumer) return over;
        if (this.#serving === undefined) {
          leave();
          if (this.#life.isOver) return over;
          throw new GenericError("closed", "Cannot receive: not bound, call start() first");
        }
        try {
          const next = await take(this.#serving);
          if (next.done) leave();
          return next;
        } catch (error) {
          leave();
          throw error;
        }
      },
      return: () => {
        leave();
        return Promise.resolve(over);
      },
    };
  }

  /**
   * Begins to hear a multicast group. A stop ends it.
   *
   * @param group The group's IP address.
   * @param options Where it is heard, and from whom.
   * @throws {TypeError | RangeError} An argument is wrong.
   * @throws {SocketError} `"busy"`: it was joined already; `"closed"`: not started; `"unsupported"`;
   * `"unreachable"`: the system refused.
   */
  joinGroup(group: string, options: GroupOptions = {}): Promise<void> {
    return this.#serving?.groups.join(group, options) ?? notStarted("join a group");
  }

  /**
   * Ends what {@linkcode UdpListener.joinGroup} began.
   *
   * @param group The group's IP address.
   * @param options The same as it was joined with.
   * @throws {TypeError | RangeError} An argument is wrong, or it was not joined.
   * @throws {SocketError} The system refused.
   */
  leaveGroup(group: string, options: GroupOptions = {}): Promise<void> {
    return this.#serving?.groups.leave(group, options) ?? notStarted("leave a group");
  }
}

function notStarted(action: string): Promise<never> {
  const why = `Cannot ${action}: not bound, call start() first`;
  return Promise.reject(new GenericError("closed", why));
}
