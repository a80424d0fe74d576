// Listener: accepts connections and hands them to a service or to an iteration, and stops in good order.
//
//   new --start()--> listening --gracefulStop() / immediateStop()--> stopped --start()--> ...
//
// Nothing is accepted while there is neither a service nor an iteration that waits: the system's backlog does.

import { Acceptor } from "./acceptor.ts";
import { checkHost, checkPort, formatAddress, hostOf, portOf } from "./address.ts";
import { checkInteger, checkInterval, checkObject, checkSignal, shown } from "./arguments.ts";
import { Connection, duplexOf } from "./connection.ts";
import type { Upgrade } from "./duplex.ts";
import { checkConnectionConfig, type ConnectionConfig } from "./connection_config.ts";
import { GenericError, setupError, type SocketError } from "./errors.ts";
import { ConnectionLimits } from "./guard/connection_limits.ts";
import { type Admission, Door } from "./guard/door.ts";
import { Guard } from "./guard/guard.ts";
import { free } from "./guard/proxied_transport.ts";
import type { GuardConfig } from "./guard/guard_config.ts";
import type { ListenerStats } from "./guard/listener_stats.ts";
import { denoNetwork, type Network, type TransportListener } from "./network.ts";
import {
  OpenConnections,
  type Stop,
  type StopOptions,
  type StopReport,
} from "./open_connections.ts";
import { type Caller, checkService, printThrown, serve, type Service } from "./service.ts";
import type { HandshakeCounts, Source } from "./transport/handshakes.ts";
import { ListenerSecurity, type StreamAccess } from "./transport/listener_security.ts";
import {
  checkListenerSecureSocket,
  type ListenerCertificates,
  type ListenerSecureSocket,
} from "./transport/secure_socket.ts";
import { checkPath, formatPath, isAbstract } from "./transport/unix.ts";

/** How a listener and its connections behave; every field has a default. */
export interface ListenerConfig extends ConnectionConfig, GuardConfig {
  /**
   * Host name or IP address of the local interface to listen on. `"::"` is both IPv6 and IPv4.
   *
   * @default {"0.0.0.0"}
   */
  readonly interface?: string;
  /**
   * How many connections the system keeps until they are accepted.
   *
   * @default {4_096}
   */
  readonly backlog?: number;
  /**
   * Path of a local (Unix) socket to listen on, instead of an interface and a port; the port must be 0. A name
   * that begins with a NUL character is abstract (Linux). A file that nobody answers at is replaced.
   */
  readonly path?: string;
  /**
   * Mode bits of the socket's file, such as `0o660`: whoever may write to it may connect.
   *
   * @default what the umask of the process leaves
   */
  readonly pathMode?: number;
  /** Makes connections secure (TLS). */
  readonly secureSocket?: ListenerSecureSocket;
  /** Its abort is `gracefulStop()`. */
  readonly signal?: AbortSignal;
}

/** One service for all connections, or a function that makes one for each. */
export type ServiceOrFactory = Service | ((caller: Caller) => Service | Promise<Service>);

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
  readonly #askedPort: number;
  readonly #interface: string;
  readonly #path: string | undefined;
  readonly #pathMode: number | undefined;
  readonly #backlog: number;
  readonly #signal: AbortSignal | undefined;
  readonly #network: Network;
  readonly #config: ConnectionConfig;
  readonly #open: OpenConnections;
  readonly #guard: Guard;
  readonly #security: ListenerSecurity | undefined;
  readonly #limits: ConnectionLimits;
  readonly #onAbort = () => void this.gracefulStop();
  #port: number;
  #address: string;
  #service: ServiceOrFactory | undefined;
  #isAccepting = false;
  #iteration: object | undefined;
  #starting: Promise<void> | undefined;
  #door: Source<Admission> | undefined;
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
    this.#askedPort = this.#port = checkPort("port", port, 0);
    checkConnectionConfig(config);
    const { interface: host = "0.0.0.0", backlog = 4_096, network = denoNetwork } = config;
    this.#interface = this.#address = checkHost("interface", host);
    this.#path = config.path === undefined ? undefined : checkPath("path", config.path);
    this.#pathMode = checkPathMode(config);
    if (this.#path !== undefined) {
      if (port !== 0 || config.interface !== undefined) {
        throw new TypeError("config must have a path, or an interface and a port, not both");
      }
      this.#address = this.#path;
    }
    this.#backlog = checkInteger("backlog", backlog, 1, 2_147_483_647);
    this.#signal = config.signal === undefined ? undefined : checkSignal(config.signal);
    this.#network = network;
    this.#config = config;
    const { clock } = this.#network;
    this.#open = new OpenConnections(clock);
    this.#guard = new Guard(config, () => clock.now());
    this.#limits = new ConnectionLimits(this.#guard, this.#open.connections);
    if (config.secureSocket !== undefined) {
      this.#security = new ListenerSecurity(checkListenerSecureSocket(config.secureSocket), clock);
    }
  }

  /** The port it is bound to; before the first `start`, the one asked for. */
  get port(): number {
    return this.#port;
  }

  /** The local address or path it is bound to; before the first `start`, what was asked for. */
  get address(): string {
    return this.#address;
  }

  /** The connections that are open now. */
  get connections(): ReadonlySet<Caller> {
    return this.#open.connections;
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
    return this.#guard.stats(this.#open.connections);
  }

  /** How the handshakes of secure connections go: under way, completed and failed. */
  get handshakes(): HandshakeCounts {
    return this.#security?.counts ?? { underWay: 0, completed: 0, failed: 0 };
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
    if (this.#security === undefined) {
      throw new TypeError(
        "Cannot replace the certificate: the listener was made without secureSocket",
      );
    }
    await this.#security.replace(certificates);
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
    try {
      this.#signal?.throwIfAborted();
      await this.#security?.load();
      const socket = await this.#bind();
      this.#port = portOf(socket.addr);
      this.#address = hostOf(socket.addr);
      const { clock } = this.#network;
      const door = new Door(new Acceptor(socket, clock), this.#guard, clock);
      this.#door = this.#security?.protect(door, this.#admissionAccess) ?? door;
    } catch (cause) {
      this.#security?.stop();
      if (this.#signal?.aborted && cause === this.#signal.reason) throw cause;
      const name = this.#path === undefined
        ? formatAddress(this.#interface, this.#port)
        : formatPath(this.#path);
      throw setupError(`Cannot listen on ${name}`, cause);
    }
    if (this.#hasClosed) {
      this.#hasClosed = false;
      this.#closed = Promise.withResolvers();
    }
    this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
    void this.#acceptForService();
  }

  async #bind(): Promise<TransportListener> {
    const network = this.#network;
    if (this.#path === undefined) {
      return await network.listen({
        hostname: this.#interface,
        port: this.#askedPort === 0 ? this.#port : this.#askedPort,
        backlog: this.#backlog,
      });
    }
    if (network.listenPath === undefined) {
      throw new GenericError("unsupported", "This network has no local sockets");
    }
    const mode = this.#pathMode;
    return await network.listenPath({ path: this.#path, ...(mode === undefined ? {} : { mode }) });
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
        if (this.#door === undefined) {
          end();
          if (this.#hasClosed) return end();
          throw new GenericError("closed", "Cannot accept: not listening, call start() first");
        }
        const door = this.#door;
        try {
          const admission = await door.accept();
          if (admission === undefined) return end();
          if (this.#iteration !== iteration || this.#stop !== undefined) {
            door.putBack(admission);
            return end();
          }
          return { done: false, value: this.#take(admission) };
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
      while (this.#service !== undefined && this.#door !== undefined) {
        const door = this.#door;
        const admission = await door.accept();
        if (admission === undefined) break;
        const service = this.#service as ServiceOrFactory | undefined;
        if (service === undefined || this.#stop !== undefined) {
          door.putBack(admission);
          break;
        }
        this.#serve(this.#take(admission), service);
      }
    } catch (error) {
      this.#endForGood(error as SocketError);
    } finally {
      this.#isAccepting = false;
    }
  }

  #take({ transport, pass }: Admission): Caller {
    const caller = new Connection(transport, this.#config);
    const duplex = duplexOf(caller);
    duplex.proxy = pass.header;
    duplex.prepareUpgrade = this.#prepareUpgrade;
    this.#limits.apply(caller, pass);
    this.#open.add(caller, () => this.#guard.leave(pass, caller));
    return caller;
  }

  readonly #admissionAccess: StreamAccess<Admission> = {
    streamOf: ({ transport }) => transport,
    replace: ({ pass }, transport) => ({ pass, transport }),
    discard: ({ pass, transport }) => {
      free(transport);
      this.#guard.leave(pass);
    },
  };

  readonly #prepareUpgrade = async (options?: ListenerSecureSocket): Promise<Upgrade> => {
    let security = this.#security;
    if (options !== undefined) {
      security = new ListenerSecurity(checkListenerSecureSocket(options), this.#network.clock);
      await security.load();
    } else if (security === undefined) {
      throw new TypeError(
        "Cannot make the connection secure: neither it nor the listener has options",
      );
    }
    return (transport) => security.upgrade(transport);
  };

  #serve(caller: Caller, service: ServiceOrFactory): void {
    if (typeof service === "function") void this.#serveOwn(caller, service);
    else serve(caller, service);
  }

  /** Makes the connection's own service first. */
  async #serveOwn(
    caller: Caller,
    make: (caller: Caller) => Service | Promise<Service>,
  ): Promise<void> {
    try {
      const service = checkService(await make(caller));
      if (duplexOf(caller).isOpen) serve(caller, service);
    } catch (error) {
      // There is no service whose onError could be told.
      printThrown(error);
      const reason = error instanceof Error ? error.message : shown(error);
      const message = `The function that makes the service threw: ${reason}`;
      void duplexOf(caller).close(new GenericError("handler", message, { cause: error }));
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
    const neverTaken = await this.#door?.close() ?? 0;
    const { completed, aborted } = await this.#open.stop(deadlineInMillis, hurried);
    this.#end(undefined);
    return { completed, aborted: aborted + neverTaken };
  }

  /** The listening socket broke; open connections go on. */
  #endForGood(error: SocketError): void {
    void this.#door?.close();
    this.#starting = undefined;
    this.#end(error);
  }

  #end(error: SocketError | undefined): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#security?.stop();
    this.#door = this.#iteration = undefined;
    this.#hasClosed = true;
    this.#closed.resolve(error);
  }
}

function checkPathMode({ path, pathMode }: ListenerConfig): number | undefined {
  if (pathMode === undefined) return undefined;
  if (path === undefined || isAbstract(path)) {
    throw new TypeError("pathMode must go with a path that is a file");
  }
  return checkInteger("pathMode", pathMode, 0, 0o777);
}
