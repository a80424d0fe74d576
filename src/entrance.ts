// How connections get in: the bound socket, the acceptor with its guard, the handshakes, and what is made of
// each transport that passes.

import { Acceptor } from "./acceptor.ts";
import { formatAddress, hostOf, portOf } from "./address.ts";
import { Connection, duplexOf } from "./connection.ts";
import { type ConnectionConfig, sharedConnectionConfig } from "./connection_config.ts";
import type { Upgrade } from "./duplex.ts";
import { GenericError, setupError } from "./errors.ts";
import { ConnectionLimits } from "./guard/connection_limits.ts";
import { type Admission, Door } from "./guard/door.ts";
import { Guard } from "./guard/guard.ts";
import type { ListenerStats } from "./guard/listener_stats.ts";
import { free } from "./guard/proxied_transport.ts";
import type { ListenerConfig, ListenerSettings } from "./listener_config.ts";
import type { TransportListener } from "./network.ts";
import { OpenConnections } from "./open_connections.ts";
import type { HandshakeCounts, Source } from "./transport/handshakes.ts";
import { ListenerSecurity, type StreamAccess } from "./transport/listener_security.ts";
import {
  checkListenerSecureSocket,
  type ListenerCertificates,
  type ListenerSecureSocket,
} from "./transport/secure_socket.ts";
import { formatPath } from "./transport/unix.ts";

/** The way into a listener. It may be opened and closed any number of times. */
export class Entrance {
  /** The connections that got in and are open. */
  readonly open: OpenConnections;
  /** The port it is bound to; before the first time, the one asked for. */
  port: number;
  /** The local address or path it is bound to. */
  address: string;
  readonly #settings: ListenerSettings;
  readonly #config: ConnectionConfig;
  readonly #guard: Guard;
  readonly #security: ListenerSecurity | undefined;
  readonly #limits: ConnectionLimits;
  #door: Source<Admission> | undefined;

  /**
   * @param settings Where it is.
   * @param config Who gets in, and how connections behave.
   * @throws {TypeError | RangeError} A limit or an option of security is wrong.
   */
  constructor(settings: ListenerSettings, config: ListenerConfig) {
    const { clock } = settings.network;
    this.#settings = settings;
    this.#config = sharedConnectionConfig(config);
    this.port = settings.port;
    this.address = settings.path ?? settings.hostname;
    this.open = new OpenConnections(clock);
    this.#guard = new Guard(config, () => clock.now());
    this.#limits = new ConnectionLimits(this.#guard, this.open.connections);
    if (config.secureSocket !== undefined) {
      this.#security = new ListenerSecurity(checkListenerSecureSocket(config.secureSocket), clock);
    }
  }

  /** Whether it is bound. */
  get isOpen(): boolean {
    return this.#door !== undefined;
  }

  /** What has happened since it was made. */
  stats(): ListenerStats {
    return this.#guard.stats(this.open.connections);
  }

  /** How the handshakes of secure connections go. */
  get handshakes(): HandshakeCounts {
    return this.#security?.counts ?? { underWay: 0, completed: 0, failed: 0 };
  }

  /** Puts other certificates in place. */
  async replaceCertificate(certificates: ListenerCertificates): Promise<void> {
    if (this.#security === undefined) {
      throw new TypeError(
        "Cannot replace the certificate: the listener was made without secureSocket",
      );
    }
    await this.#security.replace(certificates);
  }

  /** Binds. */
  async unlock(): Promise<void> {
    const { hostname, path, signal, network: { clock } } = this.#settings;
    try {
      signal?.throwIfAborted();
      await this.#security?.load();
      const socket = await this.#bind();
      this.port = portOf(socket.addr);
      this.address = hostOf(socket.addr);
      const door = new Door(new Acceptor(socket, clock), this.#guard, clock);
      this.#door = this.#security?.protect(door, this.#admissionAccess) ?? door;
    } catch (cause) {
      this.#security?.stop();
      if (signal?.aborted && cause === signal.reason) throw cause;
      const name = path === undefined ? formatAddress(hostname, this.port) : formatPath(path);
      throw setupError(`Cannot listen on ${name}`, cause);
    }
  }

  /** Lets nobody in any more. Resolves with how many were let in and never taken. */
  async lock(): Promise<number> {
    const door = this.#door;
    this.#door = undefined;
    this.#security?.stop();
    return await door?.close() ?? 0;
  }

  /** Waits for the next one; `undefined` when it is locked. */
  async accept(): Promise<Admission | undefined> {
    return await this.#door?.accept();
  }

  /** Takes back what nobody wants now; the next accept gives it out. */
  putBack(admission: Admission): void {
    if (this.#door === undefined) this.#admissionAccess.discard(admission);
    else this.#door.putBack(admission);
  }

  async #bind(): Promise<TransportListener> {
    const network = this.#settings.network;
    if (this.#settings.path === undefined) {
      return await network.listen({
        hostname: this.#settings.hostname,
        port: this.port,
        backlog: this.#settings.backlog,
      });
    }
    if (network.listenPath === undefined) {
      throw new GenericError("unsupported", "This network has no local sockets");
    }
    const mode = this.#settings.pathMode;
    return await network.listenPath({
      path: this.#settings.path,
      ...(mode === undefined ? {} : { mode }),
    });
  }

  /** Makes a connection of what was let in. */
  take({ transport, pass }: Admission): Connection {
    const caller = new Connection(transport, this.#config);
    const duplex = duplexOf(caller);
    duplex.proxy = pass.header;
    duplex.prepareUpgrade = this.#prepareUpgrade;
    this.#limits.apply(caller, pass);
    this.open.add(caller, () => this.#guard.leave(pass, caller));
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
      security = new ListenerSecurity(
        checkListenerSecureSocket(options),
        this.#settings.network.clock,
      );
      await security.load();
    } else if (security === undefined) {
      throw new TypeError(
        "Cannot make the connection secure: neither it nor the listener has options",
      );
    }
    return (transport) => security.upgrade(transport);
  };
}
