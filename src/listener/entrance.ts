// What a listener opens and shuts: the bound socket, its intake with a guard and stages, and the connections of the
// clients that are let in.

import { Acceptor } from "./acceptor.ts";
import { formatAddress, formatPath, hostOf, type NetworkAddress, portOf } from "../base/address.ts";
import { Connection, connectionFrom } from "../connection/connection.ts";
import type { Upgradable, Upgrade } from "../connection/origin.ts";
import { GenericError, isSocketError, type SocketError } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import { printThrown, refusePromise } from "../base/user_code.ts";
import { type Beginning, isGivenUp } from "../events/connection_events.ts";
import { ConnectionLimits } from "./guard/connection_limits.ts";
import { type Admission, Guard } from "./guard/guard.ts";
import { headerStage } from "./header_stage.ts";
import type { ListenerStats } from "./guard/listener_stats.ts";
import { Intake } from "./intake.ts";
import { cutOff, type Openable, peerOf, type StopReport, stopReport } from "./life_cycle.ts";
import type { ListenerSettings } from "./listener_config.ts";
import { type House, LetIn } from "./let_in.ts";
import { ListenerEvents } from "./listener_event.ts";
import { withOptions } from "../base/options.ts";
import { freeListener } from "../network/free.ts";
import { noneInherited, takeInherited } from "../network/inherited.ts";
import { checkMade } from "../network/made.ts";
import type { Transport, TransportListener } from "../network/network.ts";
import { tellReady } from "../network/readiness.ts";
import { refuseUnsupported, sharesPort } from "../network/socket_options.ts";
import { turnsOf } from "../network/deno/deno_network.ts";
import { secureOf } from "../network/told.ts";
import { OpenConnections } from "./open_connections.ts";
import { Patience } from "./patience.ts";
import { Stage, type StageWork } from "./stage.ts";
import { ListenerSecurity } from "../tls/listener_security.ts";
import { look } from "../network/turns.ts";
import {
  type ListenerCertificateConfig,
  type ListenerSecureSocketConfig,
  resolveListenerSecureSocket,
} from "../tls/listener_secure_socket_config.ts";

/**
 * A client that was accepted just before a stop has its request under way, or is about to send it. Where the address
 * is served on by others, so that nobody has to learn of the stop, its first bytes are waited for so long.
 */
const LONGEST_NEW_IN_MILLIS = 1_000;

/** What takes the connections of an entrance. */
export interface EntranceOwner {
  /** Whether connections will be taken, now or soon. */
  readonly isWanted: boolean;
  /** Aborted as soon as a stop is asked for, also while it is being opened. */
  stopping(): AbortSignal;
  /** It is open: connections can be taken. */
  onOpen(): void;
  /** It is no longer open. */
  onEnd(): void;
}

/** The way into a listener. It may be opened and shut any number of times. */
export class Entrance implements Openable {
  /** The connections that were let in and are open. */
  readonly openConnections: OpenConnections;
  /** The port it is bound to; before it is first opened, the one asked for. */
  port: number;
  /** The local address or path it is bound to. */
  address: string;
  readonly #settings: ListenerSettings;
  readonly #owner: EntranceOwner;
  readonly #events: ListenerEvents;
  readonly #guard: Guard;
  readonly #security: ListenerSecurity | undefined;
  /** A listener without options of its own counts those of its connections, too. */
  readonly #handshakes: Stage<Admission>;
  readonly #stages: Stage<Admission>[];
  readonly #limits: ConnectionLimits;
  /** What its connections have in common. */
  readonly #house: House;
  #isSuspended = false;
  /** How many times accepting has rested. */
  #rests = 0;
  #socket: TransportListener | undefined;
  #isShared = false;
  #intake: Intake | undefined;
  /** The intake of the connection that is being taken; it may have been replaced since. */
  #handsOut: Intake | undefined;

  /**
   * @param settings Where it listens, who is let in, and how connections behave.
   * @param owner What takes the connections.
   */
  constructor(settings: ListenerSettings, owner: EntranceOwner) {
    const { clock } = settings.network;
    this.#settings = settings;
    this.#owner = owner;
    this.port = settings.port;
    this.address = settings.path ?? settings.hostname;
    this.openConnections = new OpenConnections();
    const events = this.#events = new ListenerEvents(this, settings.watch, () => clock.now());
    this.#guard = new Guard(
      settings.guard,
      () => clock.now(),
      (...args) => events.refused(...args),
    );
    this.#limits = new ConnectionLimits(this.#guard, this.openConnections.connections);
    this.#house = {
      events: events.point,
      guard: this.#guard,
      openConnections: this.openConnections,
      prepareUpgrade: this.#prepareUpgrade,
      onInjected: this.#onInjected,
    };
    this.#stages = [new Stage(headerStage(this.#guard, clock), clock)];
    if (settings.secureSocket !== undefined) {
      const onReloaded = (error?: SocketError) => events.reloaded(error);
      this.#security = new ListenerSecurity(settings.secureSocket, clock, onReloaded);
    }
    this.#handshakes = new Stage(handshakeStage(this.#security, events), clock);
    if (this.#security !== undefined) this.#stages.push(this.#handshakes);
  }

  /** Whether it is bound, or clients that arrived in time may still be let in. */
  get isOpen(): boolean {
    return this.#intake !== undefined;
  }

  /** Whether nobody is let in for now. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** Whether what was handed out has to be put back: it was suspended since. */
  get isHeld(): boolean {
    return this.#handsOut!.isHeld;
  }

  /** Lets nobody in, until {@linkcode Entrance.resume} or a stop. */
  suspend(): void {
    this.#isSuspended = true;
  }

  /** Goes on letting in. */
  resume(): void {
    this.#isSuspended = false;
    this.#intake?.onResumed();
  }

  /** What has happened since the entrance was made. */
  stats(): ListenerStats {
    const { counts } = this.#handshakes;
    return this.#guard.stats(this.openConnections.connections, counts, this.#rests);
  }

  /** Replaces the certificates. */
  async replaceCertificate(certificates: ListenerCertificateConfig): Promise<void> {
    if (this.#security === undefined) {
      throw new TypeError(
        "Cannot replace the certificate: the listener was made without secureSocket",
      );
    }
    try {
      await this.#security.replace(certificates);
      this.#events.reloaded();
    } catch (error) {
      if (isSocketError(error)) this.#events.reloaded(error);
      throw error;
    }
  }

  /** Binds. */
  async open(): Promise<void> {
    const { hostname, path, network, network: { clock } } = this.#settings;
    let socket: TransportListener | undefined;
    let addr: NetworkAddress;
    try {
      await this.#security?.load();
      socket = checkMade("TransportListener", await this.#bind());
      if (this.#settings.notifyReady) await tellReady(network, this.#owner.stopping());
      // Read now: what a listener of the user's own throws later would end a stop.
      this.#isShared = socket.isShared === true;
      addr = socket.addr;
      this.port = portOf(addr);
      this.address = hostOf(addr);
      this.#socket = socket;
      this.#intake = this.#handsOut = new Intake({
        acceptor: new Acceptor(socket, clock, this.#onRest),
        guard: this.#guard,
        stages: this.#stages,
        clock,
        isWanted: () => this.#owner.isWanted,
        isSuspended: () => this.#isSuspended,
      });
      this.#security?.watch();
    } catch (cause) {
      this.#security?.stop();
      if (socket !== undefined) freeListener(socket);
      const name = path === undefined ? formatAddress(hostname, this.port) : formatPath(path);
      throw setupError(`Cannot listen on ${name}`, cause, {
        path,
        localHost: path === undefined ? hostname : undefined,
        reusePort: sharesPort(network.socketOptions, "listen", this.#settings.socket),
      });
    }
    this.#events.bound(addr);
    this.#owner.onOpen();
  }

  /**
   * Lets in the clients that arrived in time, and nobody else; connections close as soon as they have nothing to do.
   */
  async shut(patience: Patience): Promise<StopReport> {
    const intake = this.#intake;
    const newForInMillis = this.#isSharedWithOthers
      ? Math.min(LONGEST_NEW_IN_MILLIS, Math.ceil(patience.deadlineInMillis / 2))
      : 0;
    const stop = this.openConnections.stop(patience, newForInMillis);
    let neverTaken: readonly Admission[] = [];
    if (intake !== undefined) {
      const socket = this.#socket!;
      neverTaken = await intake.finish(patience, {
        looked: () => look(turnsOf(this.#settings.network)),
        // What waits in a shared backlog belongs to whoever goes on.
        backlog: this.#isShared ? takenBy(socket) : this.#settings.backlog,
        newForInMillis,
      });
      this.#leave(intake);
    }
    const { completed, cut } = await stop.finish();
    const lost = neverTaken.map(({ transport }) =>
      cutOff(undefined, peerOf(transport), "not-taken")
    );
    return stopReport(completed, [...cut, ...lost]);
  }

  /** Whether clients that come now are served by other processes: then it is this stop that must not lose any. */
  get #isSharedWithOthers(): boolean {
    return this.#isShared || this.#settings.socket.reusePort === true;
  }

  onStopping(): void {
    this.#events.stopping();
  }

  onEnd(error?: SocketError): void {
    this.#events.stopped(error);
    this.#owner.onEnd();
  }

  readonly #onRest = (error: unknown, restInMillis: number): void => {
    this.#rests++;
    this.#events.rested(error, restInMillis);
  };

  /** The listening socket broke: nobody is let in any more. */
  async breakDown(): Promise<void> {
    const intake = this.#intake;
    if (intake === undefined) return;
    this.#leave(intake);
    const patience = new Patience(this.#settings.network.clock, Infinity);
    patience.end();
    await intake.finish(patience, { looked: () => Promise.resolve(), backlog: 0 });
  }

  #leave(intake: Intake): void {
    if (this.#intake !== intake) return;
    this.#intake = this.#socket = undefined;
    this.#security?.stop();
  }

  /** Waits for the next connection; gives `undefined` when there will be none, or it is not wanted any more. */
  async accept(isWanted?: () => boolean): Promise<Admission | undefined> {
    return await this.#intake?.accept(isWanted);
  }

  /** Takes back a connection that is no longer wanted; the next accept gives it out. */
  putBack(admission: Admission): void {
    this.#handsOut!.putBack(admission);
  }

  /** Connections are no longer wanted. */
  onUnwanted(): void {
    this.#intake?.onUnwanted();
  }

  /** Takes the socket that was handed over, or binds one. */
  async #bind(): Promise<TransportListener> {
    const { network, inherited, backlog, socket } = this.#settings;
    if (inherited !== undefined) {
      const adopted = await takeInherited(inherited, "streams", this, (taken) => {
        if (network.adopt === undefined) throw noneInherited();
        const { reusePort: _, ...options } = socket;
        refuseUnsupported(network.socketOptions, "adopt", options);
        return network.adopt(withOptions(options, { ...taken, backlog }));
      });
      if (adopted !== undefined) return adopted;
    }
    const { hostname, path, pathMode } = this.#settings;
    if (path === undefined) {
      refuseUnsupported(network.socketOptions, "listen", socket);
      return await network.listen(withOptions(socket, { hostname, port: this.port, backlog }));
    }
    if (network.listenPath === undefined) {
      throw new GenericError("unsupported", "This network has no local sockets");
    }
    refuseUnsupported(network.socketOptions, "path", socket);
    const mode = pathMode === undefined ? {} : { mode: pathMode };
    return await network.listenPath(withOptions(socket, { path, ...mode }));
  }

  /** Makes a connection for a client that was let in. */
  take({ transport, pass, acceptedAt }: Admission): Connection {
    this.#guard.open(pass);
    const origin = new LetIn(this.#house, pass, this.#limits.of(pass), acceptedAt);
    const caller = connectionFrom(origin, Connection, transport, this.#settings.connection);
    origin.caller = caller;
    this.openConnections.add(caller);
    this.#events.opened(pass.id, acceptedAt, transport);
    this.#handsOut!.onTaken();
    return caller;
  }

  readonly #prepareUpgrade = async (
    options: ListenerSecureSocketConfig | undefined,
    connection: Upgradable,
  ): Promise<Upgrade> => {
    let security = this.#security;
    if (options !== undefined) {
      security = new ListenerSecurity(
        resolveListenerSecureSocket(options),
        this.#settings.network.clock,
      );
      await security.load();
    } else if (security === undefined) {
      throw new TypeError(
        "Cannot make the connection secure: neither it nor the listener has options",
      );
    }
    return (transport) => {
      const shakenAt = this.#events.upgrading(transport);
      const upgrading = security.upgrade(transport).catch((error) => {
        this.#events.upgradeFailed(transport);
        throw error;
      });
      const beginning = { id: connection.origin.id ?? 0, begunAt: connection.begunAt };
      this.#handshakes.count(
        upgrading.then((secured) => {
          // Not every engine notices that its stream was freed.
          if (!connection.isFreed) this.#events.secured(beginning.id, secured, shakenAt);
        }),
        connection.freed,
        () => connection.isFreed && isGivenUp(connection.error),
        (error) => {
          const failure = connection.error ?? error as SocketError;
          this.#events.insecure(beginning, transport, failure, shakenAt, true);
        },
      );
      return upgrading;
    };
  };

  readonly #onInjected = (error: SocketError, transport: Transport, beginning: Beginning): void => {
    this.#handshakes.countFailed();
    this.#events.insecure(beginning, transport, error, NaN, true);
  };
}

/** How many clients the engine of a shared socket has taken. One of the user's own that cannot say has taken none. */
function takenBy(socket: TransportListener): number {
  try {
    const count: unknown = socket.letGo?.() ?? 0;
    refusePromise("a listener's letGo", count);
    return typeof count === "number" && count > 0 ? count : 0;
  } catch (error) {
    printThrown(error);
    return 0;
  }
}

/** The stage of the TLS handshake. */
function handshakeStage(
  security: ListenerSecurity | undefined,
  events: ListenerEvents,
): StageWork<Admission> {
  return {
    limit: security?.maxHandshakes ?? 0,
    concerns: () => security?.beginsAtOnce === true,
    async pass(admission, signal, onWord) {
      admission.shakenAt = events.shaking();
      const transport = await security!.protect(admission.transport, signal, onWord);
      events.secured(admission.pass.id, transport, admission.shakenAt);
      return { ...admission, transport };
    },
    onFailed(error, { pass: { id }, acceptedAt: begunAt, transport, shakenAt }) {
      events.insecure({ id, begunAt }, transport, error as SocketError, shakenAt);
    },
    // If TLS is optional, some connections stay in the clear.
    counts: ({ transport }) => secureOf(transport) !== undefined,
  };
}
