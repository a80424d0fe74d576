// What a UdpListener does between start and stop: datagrams come, and go to a service, to an iteration or to
// their session; at a stop what is under way may finish.

import type { Datagram } from "./datagram.ts";
import { DATAGRAM_OVERHEAD, DatagramMailbox } from "./datagram_mailbox.ts";
import { BegunSessions } from "./begun_sessions.ts";
import { DatagramShare } from "./datagram_share.ts";
import { handOutOfDatagrams } from "../bytes/hand_out.ts";
import { GenericError, type SocketError } from "../base/errors.ts";
import type { DatagramAddress } from "../network/network.ts";
import { look, type Turns } from "../network/turns.ts";
import { MulticastGroups } from "./multicast.ts";
import { cutOff, type Patience, type StopReport, stopReport } from "../listener/life_cycle.ts";
import type { SessionSettings } from "./session_core.ts";
import { DatagramCaller, type UdpCaller } from "./udp_caller.ts";
import type { UdpSettings } from "./udp_config.ts";
import { DatagramCalls, type UdpService } from "./udp_service.ts";
import type { UdpSession } from "./udp_session.ts";
import { UdpSessions } from "./udp_sessions.ts";
import { UdpSocket, type UdpSocketOwner } from "./udp_socket.ts";

/** Who gets what comes. */
export type Consumer =
  | { readonly kind: "service"; readonly service: UdpService; readonly methods: UdpService }
  | { readonly kind: "datagrams" }
  | { readonly kind: "sessions" };

/** How a listener serves. */
export interface ServingSettings {
  readonly socket: UdpSettings;
  readonly session: SessionSettings;
  readonly maxUnreadBytes: number;
  readonly maxSessions: number;
  readonly maxTotalUnreadBytes: number;
}

/** What an iteration over a {@linkcode UdpListener} gives: a datagram, and how to answer. */
export type ReceivedDatagram = [datagram: Datagram, caller: UdpCaller];

const OVER = { done: true, value: undefined } as const;
const FOREVER = { timeoutInMillis: Infinity };

/** Of so many peers whom nobody has heard a stop tells. */
const MOST_STRAYS = 10_000;

/** No system keeps more for one socket than so much, each datagram counted with what it costs. */
const MOST_OF_A_KERNEL = 8 * 1024 * 1024;

/** A listener from a start to its stop. */
export class UdpServing implements UdpSocketOwner {
  readonly socket: UdpSocket;
  readonly hearsItself = false;
  readonly groups: MulticastGroups;
  readonly sessions: UdpSessions;
  readonly #turns: Turns;
  readonly #mailbox: DatagramMailbox;
  readonly #handOut = handOutOfDatagrams();
  readonly #calls: DatagramCalls;
  #consumer: Consumer | undefined;
  /** Sessions that have begun and that no iteration has taken. */
  readonly #begun = new BegunSessions();
  #droppedDatagrams = 0;
  /** How much has come, each datagram counted with what it costs. */
  #received = 0;
  /** What an iteration has taken and is busy with, until it asks for the next one; and how many it is done with. */
  #taken: Datagram | undefined;
  #doneByIteration = 0;
  /** Whose datagrams had come before a stop, and nobody was there to take them. */
  readonly #strays: DatagramAddress[] = [];
  /** What of the queued ones a service is called for in a row. */
  readonly #share: DatagramShare;
  /** A stop receives what the system has kept. */
  #isLastCall = false;
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
    const { clock, drop, turns } = settings.session;
    this.#turns = turns;
    this.#share = new DatagramShare(turns);
    const { maxUnreadBytes } = settings;
    this.#mailbox = new DatagramMailbox(
      clock,
      maxUnreadBytes,
      drop,
      this.#handOut,
      undefined,
      turns,
    );
    this.socket = new UdpSocket(host, port, settings.socket, this);
    this.groups = new MulticastGroups(this.socket);
    this.sessions = new UdpSessions(this.socket, settings.session, settings, (ended) => {
      this.#begun.delete(ended);
    });
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
    if (consumer?.kind !== "datagrams") this.#taken = undefined;
    this.#isServing = !this.#isStopping;
    if (this.#isStopping) return this.#changed();
    if (consumer?.kind === "service" && consumer.methods.onDatagram !== undefined) {
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
    if (this.#isLastCall) return true;
    return this.#isServing && (this.#consumer !== undefined || this.sessions.size > 0);
  }

  onUnwanted(): void {
    this.#droppedDatagrams++;
    this.#received += DATAGRAM_OVERHEAD;
  }

  put(bytes: Uint8Array, from: DatagramAddress): void {
    const consumer = this.#consumer;
    this.#received += bytes.length + DATAGRAM_OVERHEAD;
    if (this.#isStopping) {
      this.#droppedDatagrams++;
    } else if (consumer === undefined) {
      this.#putNobodys(bytes, from);
    } else if (consumer.kind === "datagrams") {
      this.#mailbox.put(bytes, from);
    } else if (consumer.kind === "sessions") {
      const begun = this.sessions.put(bytes, from, true);
      if (begun === undefined) return;
      this.#begun.push(begun);
      this.#changed();
    } else if (consumer.methods.onDatagram === undefined) {
      const begun = this.sessions.put(bytes, from, true);
      if (begun !== undefined) void this.sessions.serve(begun, consumer.methods);
    } else if (this.#calls.isCalling || this.#mailbox.length > 0) {
      this.#mailbox.put(bytes, from);
    } else {
      this.#calls.handle(consumer.methods, {
        remoteHost: from.hostname,
        remotePort: from.port,
        data: this.#handOut.copy(bytes),
      });
    }
  }

  /** Nobody takes new ones: it is for a session that is there already, or for nobody. */
  #putNobodys(bytes: Uint8Array, from: DatagramAddress): void {
    const { droppedDatagrams } = this.sessions;
    this.sessions.put(bytes, from, false);
    const isStray = this.#isLastCall && this.sessions.droppedDatagrams > droppedDatagrams;
    if (isStray && this.#strays.length < MOST_STRAYS) this.#strays.push(from);
  }

  #handleQueued(): void {
    if (this.#share.isSteppingBack) return;
    while (!this.#calls.isCalling && this.#consumer?.kind === "service") {
      if (this.#share.isUsedUp(this.#mailbox.length)) {
        void this.#share.stepBack().then(() => this.#handleQueued());
        break;
      }
      const datagram = this.#mailbox.shift();
      if (datagram === undefined) break;
      this.#calls.handle(this.#consumer.methods, datagram);
    }
    this.#changed();
  }

  /** Waits for a datagram, for an iteration. */
  nextDatagram(): Promise<IteratorResult<ReceivedDatagram, undefined>> {
    if (this.#taken !== undefined) this.#doneByIteration++;
    this.#taken = undefined;
    const next = this.#mailbox.take<IteratorResult<ReceivedDatagram, undefined>>(
      (datagram) => {
        this.#taken = datagram;
        return { done: false, value: [datagram, new DatagramCaller(this.socket, datagram)] };
      },
      FOREVER,
      OVER,
    );
    this.socket.wake();
    if (this.#isStopping) this.#changed();
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
   * Receives what has come before, lets it and what is under way finish, and frees the socket.
   *
   * @param patience How long it may take.
   */
  async stop(patience: Patience): Promise<StopReport> {
    const handled = this.#handled;
    await this.#receiveTheRest(patience);
    this.#isStopping = true;
    this.#isServing = false;
    const stopped = new GenericError("closed", "The listener was stopped");
    const untaken = [...[...this.#begun].map(({ peer }) => peer), ...this.#strays];
    const cut = untaken.map((peer) => cutOff(undefined, peer, "not-taken"));
    for (const begun of [...this.#begun]) begun.end(stopped);
    // What is there can still be taken; whoever waits for more, does not any longer.
    if (this.#consumer?.kind !== "service") this.#mailbox.finish(stopped, true);
    this.#changed();
    const sessions = this.sessions.size;
    await patience.for(Promise.all([this.#finish(), this.sessions.stop()]));
    const reason = patience.isOver ? "deadline" : "not-taken";
    for (const peer of this.#rest()) cut.push(cutOff(undefined, peer, reason));
    const ended = sessions - this.sessions.size;
    const completed = this.#handled - handled + ended;
    // What was answered still leaves.
    await patience.for(this.socket.close());
    if (patience.isOver) await this.socket.abort(stopped);
    return stopReport(completed, cut);
  }

  /** Receives until a look at the sockets has brought nothing. */
  async #receiveTheRest(patience: Patience): Promise<void> {
    this.#isLastCall = true;
    this.socket.wake();
    const first = this.#received;
    let before: number | undefined;
    while (
      this.#ended === undefined && !patience.isOver &&
      this.#received !== before && this.#received - first < MOST_OF_A_KERNEL
    ) {
      before = this.#received;
      await patience.for(look(this.#turns));
    }
    this.#isLastCall = false;
  }

  /** How many datagrams a call or an iteration is done with. */
  get #handled(): number {
    return this.#calls.handled + this.#doneByIteration;
  }

  /** Whose datagrams or sessions are not done. */
  *#rest(): Generator<DatagramAddress> {
    const underWay = this.#calls.underWay ?? this.#taken;
    if (underWay !== undefined) yield addressOf(underWay);
    for (const { remoteAddress: hostname, remotePort: port } of this.#calls.told) {
      yield { transport: "udp", hostname, port };
    }
    for (const datagram of this.#mailbox.waiting) yield addressOf(datagram);
    for (const { remoteAddress: hostname, remotePort: port } of this.sessions.open) {
      yield { transport: "udp", hostname, port };
    }
  }

  /** Waits for the calls, and for the iteration to take what is there, as long as there is one. */
  async #finish(): Promise<void> {
    const isBusy = () =>
      this.#calls.isBusy ||
      (this.#mailbox.length > 0 || this.#taken !== undefined) && this.#consumer !== undefined;
    while (isBusy() && this.#ended === undefined) await this.#change();
  }
}

function addressOf({ remoteHost: hostname, remotePort: port }: Datagram): DatagramAddress {
  return { transport: "udp", hostname, port };
}
