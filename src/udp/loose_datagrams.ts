// Datagrams that belong to no session. They go to a service, one call after the other, or to an iteration. Those that
// cannot be taken yet wait.

import type { ArrivedDatagram, Datagram } from "./datagram.ts";
import { DatagramCalls } from "./datagram_calls.ts";
import { DatagramMailbox } from "./datagram_mailbox.ts";
import { DatagramShare } from "./datagram_share.ts";
import { handOutOfDatagrams } from "../bytes/hand_out.ts";
import type { SocketError } from "../base/errors.ts";
import type { DatagramAddress } from "../network/network.ts";
import { OVER } from "../base/iteration.ts";
import { DatagramCaller, type UdpCaller } from "./udp_caller.ts";
import { FOREVER } from "./udp_channel.ts";
import type { UdpListenerSettings } from "./udp_listener_config.ts";
import type { UdpService } from "./udp_service.ts";
import type { UdpSocket } from "./udp_socket.ts";
import type { DropCounter } from "./udp_stats.ts";

/** What an iteration over a {@linkcode UdpListener} gives: the sender and its datagram. */
export type ReceivedDatagram = [caller: UdpCaller, datagram: Datagram];

/** The datagrams of a listener without sessions. */
export class LooseDatagrams {
  readonly #socket: UdpSocket;
  readonly #handOut = handOutOfDatagrams();
  readonly #mailbox: DatagramMailbox;
  /** What arrives while the listener is suspended. */
  readonly #held: DatagramMailbox;
  #isHolding = false;
  readonly #calls: DatagramCalls;
  /** How many queued datagrams the service is called for in a row. */
  readonly #share: DatagramShare;
  #service: UdpService | undefined;
  /** Whether a service or an iteration takes what waits. */
  #isWanted = false;
  /** The datagram that an iteration has taken, until it asks for the next one, and how many it has finished. */
  #taken: DatagramAddress | undefined;
  #doneByIteration = 0;
  #hasEnded = false;
  /** Called when a datagram may be finished. */
  #onChange: (() => void) | undefined;

  /**
   * @param socket What replies are sent with.
   * @param settings How the listener serves.
   * @param drops Counts dropped datagrams.
   */
  constructor(socket: UdpSocket, settings: UdpListenerSettings, drops: DropCounter) {
    const { clock, drop, turns } = settings.session;
    const { maxUnreadBytes } = settings;
    this.#socket = socket;
    this.#share = new DatagramShare({ clock, turns });
    const handOut = this.#handOut;
    const mailbox = () =>
      new DatagramMailbox(clock, maxUnreadBytes, drop, handOut, undefined, turns, drops);
    this.#mailbox = mailbox();
    this.#mailbox.workTime = socket.workTime;
    this.#held = mailbox();
    this.#calls = new DatagramCalls(
      socket,
      () => this.#handleQueued(),
      settings.session.overwritesLent,
    );
  }

  /** How many datagrams calls or an iteration have finished. */
  get handled(): number {
    return this.#calls.handled + this.#doneByIteration;
  }

  /**
   * Sets what gets the datagrams.
   *
   * @param service The service whose `onDatagram` or `onBytes` is called, if any.
   * @param isIterated Whether it is an iteration.
   */
  serve(service: UdpService | undefined, isIterated: boolean): void {
    this.#service = service;
    this.#isWanted = service !== undefined || isIterated;
    if (!isIterated) {
      this.#taken = undefined;
      this.#mailbox.leave(this.#shape);
    }
    this.#handleQueued();
  }

  /** Hands out nothing until {@linkcode LooseDatagrams.release}. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Keeps a datagram that arrived meanwhile. */
  holdBack(bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): void {
    this.#held.put(bytes, from);
  }

  /** Hands out again. Returns what was held back. */
  release(): ArrivedDatagram[] {
    this.#isHolding = false;
    const held: ArrivedDatagram[] = [];
    for (let next = this.#held.shift(); next !== undefined; next = this.#held.shift()) {
      held.push(next);
    }
    this.#handleQueued();
    return held;
  }

  /** Gets a datagram that arrived. */
  put(bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): void {
    const service = this.#service;
    if (service === undefined || this.#calls.isCalling || this.#mailbox.length > 0) {
      return this.#mailbox.put(bytes, from);
    }
    const caller = new DatagramCaller(this.#socket, from);
    if (service.onBytes !== undefined) {
      return this.#calls.lend(service, caller, from, this.#socket.lendable(bytes), true);
    }
    const { hostname: remoteHost, port: remotePort } = from;
    const data = this.#handOut.copy(bytes);
    this.#calls.handle(service, caller, from, { remoteHost, remotePort, data });
  }

  #handleQueued(): void {
    if (this.#share.isSteppingBack) return;
    while (!this.#calls.isCalling && this.#service !== undefined && !this.#isHolding) {
      if (this.#share.isUsedUp(this.#mailbox.length)) {
        void this.#share.stepBack().then(() => this.#handleQueued());
        break;
      }
      const arrived = this.#mailbox.shift();
      if (arrived === undefined) break;
      const { datagram, from } = arrived;
      this.#calls.handle(this.#service, new DatagramCaller(this.#socket, from), from, datagram);
    }
    this.#onChange?.();
  }

  /** Takes out the first that waits. */
  shift(): ArrivedDatagram | undefined {
    return this.#mailbox.shift();
  }

  /** Waits for one, for an iteration. */
  next(): Promise<IteratorResult<ReceivedDatagram, undefined>> {
    if (this.#taken !== undefined) this.#doneByIteration++;
    this.#taken = undefined;
    this.#onChange?.();
    return this.#mailbox.take(this.#shape, FOREVER, OVER);
  }

  readonly #shape = (
    datagram: Datagram,
    from: DatagramAddress,
  ): IteratorResult<ReceivedDatagram, undefined> => {
    this.#taken = from;
    return { done: false, value: [new DatagramCaller(this.#socket, from), datagram] };
  };

  /** Accepts no more, and waits until all datagrams are finished, if something takes them. */
  async finish(stopped: SocketError): Promise<void> {
    // What is there can still be taken, but waits for more end.
    this.#mailbox.finish(stopped, true);
    const isBusy = () =>
      this.#calls.isBusy ||
      this.#isWanted && (this.#mailbox.length > 0 || this.#taken !== undefined);
    while (isBusy() && !this.#hasEnded) {
      await new Promise<void>((resolve) => this.#onChange = resolve);
    }
  }

  /** Ends: what is there is dropped, and waits end. */
  end(error: SocketError): void {
    this.#hasEnded = true;
    this.#calls.retire();
    this.#mailbox.clear();
    this.#held.clear();
    this.#mailbox.finish(error, error.code === "closed");
    this.#onChange?.();
  }

  /** The senders of datagrams that a call or an iteration has not finished. */
  *underWay(): Generator<DatagramAddress> {
    const { underWay, told } = this.#calls;
    if (underWay !== undefined) yield addressOfCaller(underWay);
    else if (this.#taken !== undefined) yield this.#taken;
    for (const caller of told) yield addressOfCaller(caller);
  }

  /** The senders of datagrams that still wait. */
  waiting(): DatagramAddress[] {
    return [...this.#mailbox.waiting, ...this.#held.waiting].map(({ from }) => from);
  }
}

function addressOfCaller(
  { remoteAddress: hostname, remotePort: port }: UdpCaller,
): DatagramAddress {
  return { transport: "udp", hostname, port };
}
