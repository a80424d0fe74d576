// Datagrams leave in the order in which they were given, with the bytes that they had then.
//
// The runtime may send in reverse order when sends are not awaited, and it reads the bytes late. So each datagram is
// copied at once, and each lane has one send under way at a time. There is one lane for addresses. There is another
// lane for each host name that must be looked up first, or that only the runtime may look up. So a slow name delays
// no other datagrams. A lane whose name became an address joins the lane of addresses.

import { DatagramLane, type OnSettled, type Outgoing, sendError } from "./datagram_lane.ts";
import { GenericError, ignore, rejected, type SocketError } from "../base/errors.ts";
import type { Clock, DatagramAddress, DatagramSocket, ResolvedName } from "../network/network.ts";
import type { DrainedLimits } from "../network/drained.ts";
import { type PressedQueue, Pressure } from "../network/pressure.ts";
import type { Turns } from "../network/turns.ts";
import type { HostNames } from "./host_names.ts";
import { formatAddress } from "../base/address.ts";
import { familyReachedFrom, ipVersion } from "../base/ip_address.ts";
import type { DatagramTraffic } from "./udp_stats.ts";

/** Contents are copied into slabs of this size; longer ones get memory of their own. */
const SLAB_LENGTH = 65_536;
/** The first slab of a socket, for the many that send little. */
const FIRST_SLAB_LENGTH = 2_048;
/** How many views of a slab are kept: making one costs as much as copying a small datagram. */
const VIEWS = 64;
/** How many bytes a queued datagram counts besides its own: about what holding it costs. */
export const OVERHEAD = 256;

/** A target by a host name, which must be looked up first. */
class NamedTarget implements DatagramAddress {
  readonly transport = "udp";

  constructor(readonly hostname: string, readonly port: number) {}
}

/** What sends the datagrams of one socket. */
export class DatagramSender implements PressedQueue {
  readonly #names: HostNames;
  readonly #limit: number;
  readonly #traffic: DatagramTraffic;
  readonly #onSettled: OnSettled = (lane, length, target, isSent) =>
    this.#settled(lane, length, target, isSent);
  readonly #turns: Turns;
  readonly #addresses: DatagramLane;
  readonly #byName = new Map<string, DatagramLane>();
  #socket: DatagramSocket | undefined;
  #family: 0 | 4 | 6 = 4;
  #queued = 0;
  #queuedBytes = 0;
  #slab: Uint8Array<ArrayBuffer> | undefined;
  #slabUsed = 0;
  /** The target of the last datagram. Most datagrams go to the same target, or at least to the same host. */
  #lastTarget: DatagramAddress | undefined;
  /** How many lie in the slab, and the first of them. They are taken again for others of the same length. */
  #taken = 0;
  readonly #views: Uint8Array<ArrayBuffer>[] = [];
  #error: SocketError | undefined;
  #idle: (() => void) | undefined;
  /** Made when it is first needed. */
  #pressure: Pressure | undefined;

  /**
   * @param names Looks up the names.
   * @param limit How many bytes may wait.
   * @param traffic Counts the datagrams that were sent.
   * @param turns When sends begin, and what lets the runtime look at its sockets.
   */
  constructor(names: HostNames, limit: number, traffic: DatagramTraffic, turns: Turns) {
    this.#turns = turns;
    this.#addresses = new DatagramLane(turns, this.#onSettled);
    this.#names = names;
    this.#limit = limit;
    this.#traffic = traffic;
  }

  /** How many bytes wait to be sent. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether the system was given a datagram that it has not taken yet. */
  get isOffered(): boolean {
    return this.#addresses.isBusy;
  }

  /** Begins to send: until then everything waits. @param boundTo The socket's local address. */
  open(socket: DatagramSocket, boundTo: string): void {
    this.#socket = socket;
    this.#family = familyReachedFrom(boundTo);
    this.#addresses.open(socket);
    for (const [key, lane] of this.#byName) this.#find(key, lane);
  }

  /**
   * Sends one datagram, after all earlier ones that go to an address, or to this name.
   *
   * @param content At most what fits into a datagram. May be changed as soon as this returns.
   * @param host Host name or IP address, checked.
   * @param port From 1 to 65535.
   * @returns Rejects if sending fails. The caller need not await it.
   */
  send(content: Uint8Array, host: string, port: number): Promise<number> {
    return this.sendTo(content, this.targetOf(host, port));
  }

  /** Like {@linkcode DatagramSender.send}, to an address that the engine has given or a target made here. */
  sendTo(content: Uint8Array, target: DatagramAddress): Promise<number> {
    if (
      this.#addresses.sendsAtOnce && !(target instanceof NamedTarget) &&
      this.#refusalOf(content) === undefined
    ) {
      return this.#addresses.send(this.#take(content), target);
    }
    const sent = Promise.withResolvers<number>();
    this.postTo(content, target, (error) => {
      sent.promise.catch(ignore);
      sent.reject(error);
    }, sent.resolve);
    return sent.promise;
  }

  /** Like {@linkcode DatagramSender.send}, but calls the given functions instead of making a promise. */
  post(
    content: Uint8Array,
    host: string,
    port: number,
    onFailed: (error: SocketError) => void,
    onSent?: (length: number) => void,
  ): void {
    this.postTo(content, this.targetOf(host, port), onFailed, onSent);
  }

  /** Like {@linkcode DatagramSender.post}, to an address that the engine has given or a target made here. */
  postTo(
    content: Uint8Array,
    target: DatagramAddress,
    onFailed: (error: SocketError) => void,
    onSent?: (length: number) => void,
  ): void {
    const refusal = this.#refusalOf(content);
    if (refusal !== undefined) return onFailed(refusal);
    this.#post(content, target, onFailed, onSent);
  }

  /** Keeps what is sent from now on together, until `release`. */
  hold(): void {
    this.#addresses.hold();
  }

  /** Sends what was kept together. */
  release(): void {
    this.#addresses.release();
  }

  /**
   * Sends datagrams without a promise, all or none of them, unless the system has refused too much.
   *
   * @param contents The content of each. May be changed as soon as this returns.
   * @returns Whether they were queued.
   */
  tryPost(contents: readonly Uint8Array[], target: DatagramAddress): boolean {
    if (this.#error !== undefined) return false;
    let length = 0;
    for (const content of contents) length += content.length + OVERHEAD;
    if (this.#queued > 0 && this.#queuedBytes + length > this.#limit) {
      if (this.#pressing.refuses(length, 0, this.#limit, Infinity)) return false;
    }
    for (const content of contents) this.#post(content, target, ignore);
    return true;
  }

  #post(
    content: Uint8Array,
    target: DatagramAddress,
    onFailed: (error: SocketError) => void,
    onSent?: (length: number) => void,
  ): void {
    const datagram = { bytes: this.#take(content), target, onSent, onFailed };
    if (target instanceof NamedTarget) this.#sendToName(datagram);
    else this.#addresses.add(datagram);
  }

  /** The target of a datagram. If it is an address, it is kept as the last target. */
  targetOf(host: string, port: number): DatagramAddress {
    const last = this.#lastTarget;
    if (last !== undefined && last.port === port && last.hostname === host) return last;
    if (last?.hostname !== host && ipVersion(host) === 0) return new NamedTarget(host, port);
    return this.#lastTarget = { transport: "udp", hostname: host, port };
  }

  /** Why a datagram cannot be sent. */
  #refusalOf({ length }: Uint8Array): SocketError | undefined {
    if (this.#error !== undefined) return this.#error;
    const isMore = this.#queuedBytes + length + OVERHEAD > this.#limit;
    if (!isMore || this.#queued === 0) return undefined;
    return new GenericError(
      "overflow",
      `Cannot send: ${this.#queuedBytes} bytes are queued already and the limit is ${this.#limit}`,
    );
  }

  #sendToName(datagram: Outgoing): void {
    const { hostname, port } = datagram.target;
    const key = formatAddress(hostname, port);
    let lane = this.#byName.get(key);
    if (lane !== undefined) return lane.add(datagram);
    const known = this.#names.recall(hostname, port);
    if (known?.isDirect) return this.#addresses.add(withAddress(datagram, known.addresses[0]!));
    lane = new DatagramLane(this.#turns, this.#onSettled);
    this.#byName.set(key, lane);
    lane.add(datagram);
    if (this.#socket !== undefined) this.#find(key, lane);
  }

  /** Looks up a lane's name, then sends its datagrams. */
  #find(key: string, lane: DatagramLane): void {
    const colon = key.lastIndexOf(":");
    const host = key.slice(0, colon);
    const port = Number(key.slice(colon + 1));
    const release = ({ addresses, isDirect }: ResolvedName) => {
      if (!isDirect) return lane.open(this.#socket!);
      this.#byName.delete(key);
      for (const datagram of lane.takeAll()) {
        this.#addresses.add(withAddress(datagram, addresses[0]!));
      }
    };
    const known = this.#names.recall(host, port);
    if (known !== undefined) return release(known);
    this.#names.lookUp(host, port, this.#family).then(release, (cause) => {
      this.#byName.delete(key);
      for (const datagram of lane.takeAll()) {
        this.#settled(lane, datagram.bytes.length, datagram.target, false);
        datagram.onFailed(sendError(datagram.target, cause));
      }
    });
  }

  #settled(lane: DatagramLane, length: number, target: DatagramAddress, isSent: boolean): void {
    if (isSent) {
      this.#traffic.sent++;
      this.#traffic.sentBytes += length;
    }
    this.#queuedBytes -= length + OVERHEAD;
    this.#pressure?.onTaken(length + OVERHEAD);
    if (lane !== this.#addresses && lane.isEmpty) {
      this.#byName.delete(formatAddress(target.hostname, target.port));
    }
    if (--this.#queued > 0) return;
    this.#slabUsed = this.#taken = 0;
    this.#idle?.();
  }

  /** Copies the bytes before the caller can change them, and counts them. */
  #take(content: Uint8Array): Uint8Array {
    const length = content.length;
    // When a whole slab is full, those that are kept together leave at once, and their room is free again.
    if (this.#slabUsed + length > SLAB_LENGTH) this.#addresses.flush();
    let slab = this.#slab;
    if (slab === undefined || this.#slabUsed + length > slab.length) {
      if (length > SLAB_LENGTH / 4) {
        const copy = content.slice();
        this.#count(length);
        return copy;
      }
      slab = new Uint8Array(
        slab === undefined && length <= FIRST_SLAB_LENGTH ? FIRST_SLAB_LENGTH : SLAB_LENGTH,
      );
      this.#slab = slab;
      this.#slabUsed = this.#taken = 0;
      this.#views.length = 0;
    }
    const at = this.#slabUsed;
    let bytes = this.#views[this.#taken];
    if (bytes?.byteOffset !== at || bytes.length !== length) {
      bytes = slab.subarray(at, at + length);
      if (this.#taken < VIEWS) this.#views[this.#taken] = bytes;
    }
    // This throws if the bytes were transferred away. So they are counted afterwards.
    bytes.set(content);
    this.#taken++;
    this.#slabUsed += length;
    this.#count(length);
    return bytes;
  }

  #count(length: number): void {
    this.#queued++;
    this.#queuedBytes += length + OVERHEAD;
  }

  /** The targets of what waits, or is under way, each once. */
  unsent(): readonly DatagramAddress[] {
    const targets = new Map<string, DatagramAddress>();
    for (const lane of [this.#addresses, ...this.#byName.values()]) {
      for (const target of lane.targets()) {
        targets.set(formatAddress(target.hostname, target.port), target);
      }
    }
    return [...targets.values()];
  }

  /** Refuses everything from now on with this error. Accepted datagrams are still sent. */
  end(error: SocketError): void {
    this.#error ??= error;
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    if (this.#queued === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /**
   * Waits until less is queued.
   *
   * @param limits How much may be left, and how to give up.
   * @param clock The clock for the timeout.
   * @param owner On whose behalf.
   */
  whenBelow(limits: DrainedLimits, clock: Clock, owner: object): Promise<void> {
    if (this.#error !== undefined && this.#queued === 0) return rejected(this.#error);
    if (this.#queuedBytes < limits.below) return Promise.resolve();
    return this.#pressing.wait(clock, limits, owner);
  }

  get #pressing(): Pressure {
    return this.#pressure ??= new Pressure(this, this.#turns);
  }

  /** Ends the waits of one owner. */
  endWaits(owner: object, error: SocketError): void {
    this.#pressure?.fail(error, owner);
  }

  /** Gives up the datagrams whose sending has not begun, with this error. */
  abort(error: SocketError): void {
    this.#error ??= error;
    this.#pressure?.fail(error);
    for (const lane of [this.#addresses, ...this.#byName.values()]) {
      for (const datagram of lane.takeAll()) {
        this.#settled(lane, datagram.bytes.length, datagram.target, false);
        datagram.onFailed(error);
      }
    }
  }
}

function withAddress(datagram: Outgoing, hostname: string): Outgoing {
  return { ...datagram, target: { transport: "udp", hostname, port: datagram.target.port } };
}
