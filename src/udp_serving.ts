// What a UdpListener does between start and stop: datagrams come, and go to a service, to an iteration or to
// their session; at a stop what is under way may finish.

import type { Datagram } from "./datagram.ts";
import { DatagramMailbox } from "./datagram_mailbox.ts";
import { handOutOfDatagrams } from "./hand_out.ts";
import { GenericError, type SocketError } from "./errors.ts";
import type { Clock, DatagramAddress } from "./network.ts";
import { MulticastGroups } from "./multicast.ts";
import type { StopReport } from "./open_connections.ts";
import type { SessionCore, SessionSettings } from "./session_core.ts";
import { DatagramCaller, type UdpCaller } from "./udp_caller.ts";
import type { UdpSettings } from "./udp_config.ts";
import { DatagramCalls, type UdpService } from "./udp_service.ts";
import type { UdpSession } from "./udp_session.ts";
import { UdpSessions } from "./udp_sessions.ts";
import { UdpSocket, type UdpSocketOwner } from "./udp_socket.ts";

/** Who gets what comes. */
export type Consumer =
  | { readonly kind: "service"; readonly service: UdpService }
  | { readonly kind: "datagrams" }
  | { readonly kind: "sessions" };

/** How a listener serves. */
export interface ServingSettings {
  readonly socket: UdpSettings;
  readonly session: SessionSettings;
  readonly receiveQueueLimit: number;
  readonly maxSessions: number;
}

/** What an iteration over a {@linkcode UdpListener} gives: a datagram, and how to answer. */
export type ReceivedDatagram = [datagram: Datagram, caller: UdpCaller];

const OVER = { done: true, value: undefined } as const;
const FOREVER = { timeoutInMillis: Infinity };

/** A listener from a start to its stop. */
export class UdpServing implements UdpSocketOwner {
  readonly socket: UdpSocket;
  readonly groups: MulticastGroups;
  readonly sessions: UdpSessions;
  readonly #clock: Clock;
  readonly #mailbox: DatagramMailbox;
  readonly #handOut = handOutOfDatagrams();
  readonly #calls: DatagramCalls;
  #consumer: Consumer | undefined;
  /** Sessions that have begun and that no iteration has taken. */
  #begun: SessionCore[] = [];
  #droppedDatagrams = 0;
  #isServing = false;
  #isStopping = false;
  #ended: SocketError | undefined;
  /** Who waits for another session, for a free service, or for the end of either. */
  #onChange: (() => void)[] = [];

  /**
   * Begins to bind.
   *
   * @param host Where.
   * @param port Which, 0 for one that the system chooses.
   * @param settings How.
   */
  constructor(host: string, port: number, settings: ServingSettings) {
    const { clock, drop } = settings.session;
    this.#clock = clock;
    this.#mailbox = new DatagramMailbox(clock, settings.receiveQueueLimit, drop, this.#handOut);
    this.socket = new UdpSocket(host, port, settings.socket, this);
    this.groups = new MulticastGroups(this.socket);
    this.sessions = new UdpSessions(this.socket, settings.session, settings.maxSessions);
    this.#calls = new DatagramCalls(this.socket, () => this.#handleQueued());
  }

  /** How many datagrams came and nobody gets. */
  get droppedDatagrams(): number {
    return this.#droppedDatagrams + this.#mailbox.droppedDatagrams +
      this.sessions.droppedDatagrams + this.socket.droppedDatagrams;
  }

  /** Sets who gets what comes. */
  serve(consumer: Consumer | undefined): void {
    this.#consumer = consumer;
    this.#isServing = !this.#isStopping;
    if (consumer?.kind === "service" && consumer.service.onDatagram !== undefined) {
      this.#handleQueued();
    } else if (consumer !== undefined && consumer.kind !== "datagrams") {
      for (let kept = this.#mailbox.shift(); kept !== undefined; kept = this.#mailbox.shift()) {
        const { data, remoteHost: hostname, remotePort: port } = kept;
        this.put(data, { transport: "udp", hostname, port });
      }
    }
    this.socket.wake();
  }

  get isWanting(): boolean {
    return this.#isServing && (this.#consumer !== undefined || this.sessions.size > 0);
  }

  onStranger(): void {
    this.#droppedDatagrams++;
  }

  put(bytes: Uint8Array, from: DatagramAddress): void {
    const consumer = this.#consumer;
    if (this.#isStopping) {
      this.#droppedDatagrams++;
    } else if (consumer === undefined) {
      this.sessions.put(bytes, from, false);
    } else if (consumer.kind === "datagrams") {
      this.#mailbox.put(bytes, from);
    } else if (consumer.kind === "sessions") {
      const begun = this.sessions.put(bytes, from, true);
      if (begun === undefined) return;
      this.#begun.push(begun);
      this.#changed();
    } else if (consumer.service.onDatagram === undefined) {
      const begun = this.sessions.put(bytes, from, true);
      if (begun !== undefined) void this.sessions.serve(begun, consumer.service);
    } else if (this.#calls.isCalling || this.#mailbox.length > 0) {
      this.#mailbox.put(bytes, from);
    } else {
      this.#calls.handle(consumer.service, {
        remoteHost: from.hostname,
        remotePort: from.port,
        data: this.#handOut.copy(bytes),
      });
    }
  }

  #handleQueued(): void {
    while (!this.#calls.isCalling && this.#consumer?.kind === "service") {
      const datagram = this.#mailbox.shift();
      if (datagram === undefined) break;
      this.#calls.handle(this.#consumer.service, datagram);
    }
    this.#changed();
  }

  /** How many calls are under way or will be. */
  get #pending(): number {
    return this.#mailbox.length + (this.#calls.isCalling ? 1 : 0);
  }

  /** Waits for a datagram, for an iteration. */
  nextDatagram(): Promise<IteratorResult<ReceivedDatagram, undefined>> {
    const next = this.#mailbox.take<IteratorResult<ReceivedDatagram, undefined>>(
      (datagram) => ({
        done: false,
        value: [datagram, new DatagramCaller(this.socket, datagram)],
      }),
      FOREVER,
      OVER,
    );
    this.socket.wake();
    return next;
  }

  /** Waits for a session, for an iteration. */
  async nextSession(): Promise<IteratorResult<UdpSession, undefined>> {
    while (this.#ended === undefined && !this.#isStopping) {
      const begun = this.#begun.shift();
      if (begun === undefined) {
        await this.#change();
      } else {
        const session = this.sessions.pull(begun);
        if (session !== undefined) return { done: false, value: session };
      }
    }
    if (this.#ended !== undefined && this.#ended.code !== "closed") throw this.#ended;
    return OVER;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #changed(): void {
    if (this.#onChange.length === 0) return;
    const waiting = this.#onChange;
    this.#onChange = [];
    for (const resolve of waiting) resolve();
  }

  onEnd(error: SocketError): void {
    this.#ended = error;
    this.#mailbox.clear();
    this.#mailbox.finish(error, error.code === "closed");
    this.sessions.end(error);
    this.#changed();
  }

  /**
   * Receives no more, lets what is under way finish, and frees the socket.
   *
   * @param deadlineInMillis How long it may take.
   * @param hurried Resolves when it must be over at once.
   */
  async stop(deadlineInMillis: number, hurried: Promise<void>): Promise<StopReport> {
    this.#isStopping = true;
    this.#isServing = false;
    const stopped = new GenericError("closed", "The listener was stopped");
    let aborted = this.#begun.length;
    for (const begun of this.#begun) begun.end(stopped);
    if (this.#consumer?.kind !== "service") {
      // Nobody knows whether the iteration asks for them.
      aborted += this.#mailbox.length;
      this.#mailbox.clear();
      this.#mailbox.finish(stopped, true);
    }
    this.#changed();
    const pending = this.#pending;
    const sessions = this.sessions.size;
    let isOver = false;
    const over = Promise.withResolvers<void>();
    const end = () => {
      isOver = true;
      over.resolve();
    };
    void hurried.then(end);
    const timer = deadlineInMillis === Infinity
      ? undefined
      : this.#clock.setTimeout(end, deadlineInMillis);
    await Promise.race([over.promise, Promise.all([this.#finish(), this.sessions.stop()])]);
    const rest = this.#pending + this.sessions.size;
    // What was answered still leaves.
    if (!isOver) await Promise.race([over.promise, this.socket.close()]);
    if (isOver) await this.socket.abort(stopped);
    if (timer !== undefined) this.#clock.clearTimeout(timer);
    return { completed: pending + sessions - rest, aborted: aborted + rest };
  }

  async #finish(): Promise<void> {
    while (this.#pending > 0 && this.#ended === undefined) await this.#change();
  }
}
