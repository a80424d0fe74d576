// What a UdpListener does between start and stop. It receives datagrams and hands them to their consumer. At a stop,
// calls under way may finish.

import { DATAGRAM_OVERHEAD } from "./datagram_mailbox.ts";
import { formatAddress } from "../base/address.ts";
import { GenericError, type SocketError } from "../base/errors.ts";
import type { Bag } from "../base/bag.ts";
import { OVER } from "../base/iteration.ts";
import { cutOff, type StopReport, stopReport } from "../listener/life_cycle.ts";
import type { ArrivedDatagram } from "./datagram.ts";
import { LooseDatagrams, type ReceivedDatagram } from "./loose_datagrams.ts";
import { MulticastGroups } from "./multicast.ts";
import type { Clock, DatagramAddress } from "../network/network.ts";
import type { Patience } from "../listener/patience.ts";
import { look, type Turns } from "../network/turns.ts";
import type { UdpListenerSettings } from "./udp_listener_config.ts";
import { readUdpService, type UdpService, type UdpServiceOrFactory } from "./udp_service.ts";
import type { UdpSession } from "./udp_session.ts";
import { UdpSessions } from "./udp_sessions.ts";
import { UdpSocket, type UdpSocketOwner } from "./udp_socket.ts";
import type { UdpListenerEvents } from "./udp_event.ts";
import type { DatagramTraffic, UdpCounts } from "./udp_stats.ts";

/** The consumer gets what arrives: a method of a service (`onDatagram`, or `onBytes` instead), or an iteration. */
export type Consumer =
  | { readonly kind: "onDatagram"; readonly service: UdpService }
  | { readonly kind: "onSession"; readonly service: UdpServiceOrFactory }
  | { readonly kind: "datagrams" }
  | { readonly kind: "sessions" };

/**
 * Reads once which method to call for datagrams.
 *
 * @throws {TypeError} It is neither a function nor a service.
 */
export function consumerOf(service: UdpServiceOrFactory): Consumer {
  if (typeof service === "function") return { kind: "onSession", service };
  const methods = readUdpService(service);
  const kind = methods.onSession === undefined ? "onDatagram" : "onSession";
  if (kind === "onDatagram") {
    for (const name of ["onStop", "onClose"] as const) {
      if (methods[name] === undefined) continue;
      throw new TypeError(
        `service.${name} is about sessions: it goes with onSession, or attach a function that makes the service`,
      );
    }
  }
  return { kind, service: methods };
}

/** A system keeps at most this much for one socket. Each datagram is counted with what holding it costs. */
const MOST_OF_A_KERNEL = 8 * 1024 * 1024;
/** A system keeps this much by default. */
const USUAL_OF_A_KERNEL = 212_992;
/** How long a stop receives more than that, when a peer keeps sending. */
const LAST_CALL_IN_MILLIS = 200;

/** A listener from a start to its stop. */
export class UdpServing implements UdpSocketOwner {
  readonly socket: UdpSocket;
  readonly hearsItself = false;
  readonly traffic: DatagramTraffic;
  readonly groups: MulticastGroups;
  readonly #turns: Turns;
  readonly #clock: Clock;
  readonly #loose: LooseDatagrams;
  readonly #open: Bag<UdpSession>;
  readonly #sessions: UdpSessions;
  readonly #counts: UdpCounts;
  #consumer: Consumer | undefined;
  /** How much has arrived. Each datagram is counted with what holding it costs. */
  #received = 0;
  /** A stop is receiving what the system has kept. */
  #isLastCall = false;
  #isStopping = false;
  /** Resolves when it is no longer suspended. */
  #resumed: PromiseWithResolvers<void> | undefined;
  #ended: SocketError | undefined;

  /**
   * Begins to bind.
   *
   * @param port The port to bind; 0 for one that the system chooses.
   * @param settings The interface, and how it behaves.
   * @param open Holds its sessions while they are open.
   * @param counts Counts received and sent datagrams, and sessions that begin and end.
   * @param events Reports sessions that begin and end.
   */
  constructor(
    port: number,
    settings: UdpListenerSettings,
    open: Bag<UdpSession>,
    counts: UdpCounts,
    events: UdpListenerEvents,
  ) {
    this.#open = open;
    this.#counts = counts;
    this.traffic = counts.traffic;
    this.#turns = settings.session.turns;
    this.#clock = settings.session.clock;
    this.socket = new UdpSocket(settings.host, port, settings.socket, this);
    this.groups = new MulticastGroups(this.socket);
    this.#loose = new LooseDatagrams(this.socket, settings, counts.drops);
    this.#sessions = new UdpSessions(
      this.socket,
      settings.session,
      settings,
      open,
      counts,
      events,
    );
  }

  /** Sets the consumer of what arrives. */
  serve(consumer: Consumer | undefined): void {
    this.#consumer = consumer;
    if (this.#resumed !== undefined) {
      // An iteration that was left waits no longer.
      this.#resumed.resolve();
      this.#resumed = Promise.withResolvers();
    }
    const service = consumer?.kind === "onDatagram" ? consumer.service : undefined;
    this.#loose.serve(service, consumer?.kind === "datagrams");
    if (consumer?.kind !== "sessions") this.#sessions.leave();
    if (this.#isStopping) return this.#sessions.turnAway();
    if (consumer?.kind === "onSession" || consumer?.kind === "sessions") {
      for (let kept = this.#loose.shift(); kept !== undefined; kept = this.#loose.shift()) {
        this.#putAgain(kept);
      }
    }
    this.socket.wake();
  }

  /** Hands out nothing to the consumer until {@linkcode UdpServing.resume}, but to sessions that are open. */
  suspend(): void {
    if (this.#isLastCall || this.#isStopping || this.#resumed !== undefined) return;
    this.#resumed = Promise.withResolvers();
    this.#loose.hold();
    this.socket.wake();
  }

  /** Goes on handing out. */
  resume(): void {
    const resumed = this.#resumed;
    if (resumed === undefined) return;
    this.#resumed = undefined;
    for (const held of this.#loose.release()) this.#putAgain(held);
    resumed.resolve();
    this.socket.wake();
  }

  #putAgain({ datagram, from }: ArrivedDatagram): void {
    this.#deliver(datagram.data as Uint8Array<ArrayBuffer>, from);
  }

  get isWanting(): boolean {
    if (this.#isLastCall) return true;
    const isConsumed = this.#consumer !== undefined && this.#resumed === undefined;
    return !this.#isStopping && (isConsumed || this.#open.size > 0);
  }

  onUnwanted(): void {
    this.#counts.drops.countDropped(1, "sender");
    this.#received += DATAGRAM_OVERHEAD;
  }

  onLost(): void {
    this.#counts.drops.countDropped(1, "transferred");
  }

  put(bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): void {
    this.#received += bytes.length + DATAGRAM_OVERHEAD;
    this.#deliver(bytes, from);
  }

  #deliver(bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): void {
    const consumer = this.#consumer;
    if (this.#isStopping) {
      this.#counts.drops.countDropped(1, "stopped");
    } else if (this.#resumed !== undefined) {
      if (!this.#sessions.give(bytes, from)) this.#loose.holdBack(bytes, from);
    } else if (consumer === undefined) {
      // A receive was under way when the last consumer left, sessions go on, or a stop receives the rest. A datagram
      // of a peer without a session waits for the next consumer.
      if (!this.#sessions.give(bytes, from)) this.#loose.put(bytes, from);
    } else if (consumer.kind === "onDatagram" || consumer.kind === "datagrams") {
      // Open sessions go on receiving, whoever has begun them.
      if (this.#open.size === 0 || !this.#sessions.give(bytes, from)) this.#loose.put(bytes, from);
    } else {
      const begun = this.#sessions.put(bytes, from);
      if (begun === undefined) return;
      if (consumer.kind === "sessions") this.#sessions.offer(begun);
      else void this.#sessions.serve(begun, consumer.service);
    }
  }

  /** Waits for the next datagram of an iteration. */
  nextDatagram(): Promise<IteratorResult<ReceivedDatagram, undefined>> {
    if (this.#resumed !== undefined) return this.#whenResumed(() => this.nextDatagram());
    const next = this.#loose.next();
    this.socket.wake();
    return next;
  }

  /** Waits for the next session of an iteration. */
  async nextSession(): Promise<IteratorResult<UdpSession, undefined>> {
    if (this.#resumed !== undefined) return await this.#whenResumed(() => this.nextSession());
    const session = await this.#sessions.next();
    if (session !== undefined) return { done: false, value: session };
    if (this.#ended !== undefined && this.#ended.code !== "closed") throw this.#ended;
    return OVER;
  }

  /** Waits until it is no longer suspended, or has ended. An iteration that was left meanwhile is over. */
  async #whenResumed<T>(
    next: () => Promise<IteratorResult<T, undefined>>,
  ): Promise<IteratorResult<T, undefined>> {
    const consumer = this.#consumer;
    await this.#resumed!.promise;
    return this.#consumer === consumer ? await next() : OVER;
  }

  onEnd(error: SocketError): void {
    this.#ended = error;
    this.#resumed?.resolve();
    this.#resumed = undefined;
    this.#loose.end(error);
    this.#sessions.end(error);
  }

  /**
   * Receives what arrived before the stop, lets it and all calls under way finish, then frees the socket.
   *
   * @param patience How long it may take.
   */
  async stop(patience: Patience): Promise<StopReport> {
    const { handled } = this.#loose;
    // What is held back has arrived before the stop. Without any time it is only named.
    if (!patience.isOver) this.resume();
    else if (patience.isReported) this.suspend();
    await this.#receiveTheRest(patience);
    this.#isStopping = true;
    const stopped = new GenericError("closed", "The listener was stopped");
    const sessions = this.#sessions.size;
    const begun = new Map(
      this.#sessions.all().map(({ remoteAddress, remotePort, id }) =>
        [formatAddress(remoteAddress, remotePort), id] as const
      ),
    );
    this.#sessions.close();
    if (this.#consumer?.kind !== "sessions") this.#sessions.turnAway();
    await patience.for(Promise.all([this.#loose.finish(stopped), this.#sessions.stop(patience)]));
    this.#sessions.turnAway();
    const { neverTaken } = this.#sessions;
    const untaken = [...neverTaken, ...this.#loose.waiting()];
    const cut = [
      ...[...this.#loose.underWay()].map((peer) => cutOff(undefined, peer, patience.reason)),
      ...this.#sessions.cutOff(patience),
      ...untaken.map((peer) => cutOff(undefined, peer, "not-taken")),
    ];
    const ended = sessions - this.#sessions.size - neverTaken.length;
    let completed = this.#loose.handled - handled + ended;
    // Answers that were given are still sent.
    const closing = this.socket.close(Infinity);
    await patience.for(closing);
    if (patience.isOver) {
      for (const peer of this.socket.unsent()) {
        const id = begun.get(formatAddress(peer.hostname, peer.port));
        // Its session has ended, but not all that it had sent has left.
        if (id !== undefined && !cut.some((one) => one.id === id)) completed--;
        cut.push(cutOff(id, peer, patience.reason));
      }
      this.socket.hurry();
    }
    await closing;
    return stopReport(completed, cut);
  }

  /** Receives until a look at the sockets brings nothing, or until as much arrived as the system can have kept. */
  async #receiveTheRest(patience: Patience): Promise<void> {
    this.#isLastCall = true;
    this.socket.wake();
    const first = this.#received;
    const until = this.#clock.now() + LAST_CALL_IN_MILLIS;
    const mayBeMore = () => {
      const length = this.#received - first;
      if (length < USUAL_OF_A_KERNEL) return true;
      return length < MOST_OF_A_KERNEL && this.#clock.now() < until;
    };
    // What comes is held back: nobody handles it.
    const isNaming = patience.isOver && patience.isReported;
    const goesOn = () => isNaming ? this.#clock.now() < until : !patience.isOver;
    let before: number | undefined;
    while (this.#ended === undefined && goesOn() && this.#received !== before && mayBeMore()) {
      before = this.#received;
      const looked = look(this.#turns);
      await (isNaming ? patience.forMoment(looked) : patience.for(looked));
    }
    this.#isLastCall = false;
  }
}
