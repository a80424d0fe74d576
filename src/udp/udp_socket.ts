// What a UdpClient and a UdpListener have in common: a bound socket. It sends in order, receives one datagram at a
// time, may hear only one peer, and is closed once.

import { brokenError, closedError, ignore, type SocketError } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import { contentBytes } from "../base/arguments.ts";
import { refusePromise } from "../base/user_code.ts";
import { type Address, checkHost, formatAddress } from "../base/address.ts";
import { familyReachedFrom, ipVersion, unmappedIp } from "../base/ip_address.ts";
import { bindDatagram } from "./bind_datagram.ts";
import type { DatagramAddress, DatagramSocket } from "../network/network.ts";
import { ask, type BufferSizes } from "../network/socket_info.ts";
import type { ShareHost } from "../network/share.ts";
import { datagramTurnsOf } from "../network/deno/deno_network.ts";
import { MAX_DATAGRAM_LENGTH, type UdpSocketSettings } from "./udp_config.ts";
import { HostNames, type Peer } from "./host_names.ts";
import { SenderFilter } from "./sender_filter.ts";
import { DatagramSender, OVERHEAD } from "./datagram_sender.ts";
import { DatagramReceiver, type DatagramSink } from "./datagram_receiver.ts";
import { settledSoon, waitFor } from "../network/deadline.ts";
import { WorkTime } from "./work_time.ts";
import { DatagramTraffic, lossOf } from "./udp_stats.ts";
import type { DrainedLimits } from "../network/drained.ts";

/** The owner gets what the socket receives. */
export interface UdpSocketOwner {
  /** Whether to receive. */
  readonly isWanting: boolean;
  /** Whether it hears datagrams that seem to come from the socket itself. */
  readonly hearsItself: boolean;
  /** Counts received and sent datagrams, if the owner wants that. */
  readonly traffic?: DatagramTraffic;
  /**
   * Gets a datagram. Before it returns, it must copy the bytes or call {@linkcode UdpSocket.leaveBuffer}. Must not
   * throw.
   */
  put(bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): void;
  /** A datagram arrived and is refused: its sender is not the peer, has no address, or is this socket itself. */
  onUnwanted(): void;
  /** A datagram arrived, but its memory had been lent and was transferred away. */
  onLost?(): void;
  /** It is bound: perhaps before its constructor has returned. */
  onBound?(local: Address, peer: Peer | undefined): void;
  /** Only a peer, asked for so, is heard from now on: what waits and is not from there must be dropped. */
  onPeer?(isFrom: (from: DatagramAddress) => boolean, asked: Address): void;
  /** The peer has refused what was sent to it; the socket goes on. */
  onRefused?(error: SocketError): void;
  /** Nothing more will arrive, for this reason. */
  onEnd(error: SocketError): void;
  /** It is free; with what `closed` gives. */
  onFree?(error: SocketError | undefined): void;
}

/** A UDP socket from its binding to its end. */
export class UdpSocket implements DatagramSink {
  /** Resolves with the local address; rejects when binding failed. Never an unhandled rejection. */
  readonly bound: Promise<Address>;
  /** What the shares of those are measured by who send by it. */
  readonly shareHost: ShareHost;
  /** How long a service's calls for what was received take. */
  readonly workTime: WorkTime;
  /** Resolves when the socket is free: with the error that ended it, or with `undefined` after `close`. */
  readonly closed: Promise<SocketError | undefined>;
  readonly #settings: UdpSocketSettings;
  readonly #owner: UdpSocketOwner;
  readonly #names: HostNames;
  readonly #filter: SenderFilter;
  readonly #traffic: DatagramTraffic;
  readonly #sender: DatagramSender;
  readonly #resolveClosed: (error: SocketError | undefined) => void;
  #socket: DatagramSocket | undefined;
  #making: DatagramSocket | Promise<DatagramSocket> | undefined;
  #receiver: DatagramReceiver | undefined;
  #local: Address;
  #ending: Promise<void> | undefined;
  #isFreed = false;
  readonly #hurry = new AbortController();
  /** How many calls of `connect` there were, and which of them set the peer: 0 for none. */
  #connects = 0;
  #connectedBy = 0;
  /** The host that was checked last, and the result: most datagrams go where the last one went. */
  #checkedHost = "";
  #checkedHostAs = "";

  /**
   * Begins to bind.
   *
   * @param host The local host; `undefined` for every address.
   * @param port The local port; 0 for one that the system chooses.
   * @param settings How it behaves.
   * @param owner Gets what is received.
   */
  constructor(
    host: string | undefined,
    port: number,
    settings: UdpSocketSettings,
    owner: UdpSocketOwner,
  ) {
    this.#settings = settings;
    this.#owner = owner;
    this.#names = new HostNames(settings.network);
    this.#filter = new SenderFilter(settings, owner.hearsItself);
    this.#traffic = owner.traffic ?? new DatagramTraffic();
    const turns = datagramTurnsOf(settings.network);
    this.shareHost = { clock: settings.network.clock, turns, queue: this };
    this.workTime = new WorkTime(settings.network.clock);
    this.#sender = new DatagramSender(
      this.#names,
      settings.maxQueuedBytes,
      this.#traffic,
      turns,
    );
    const closed = Promise.withResolvers<SocketError | undefined>();
    this.closed = closed.promise;
    this.#resolveClosed = closed.resolve;
    this.#local = { host: host ?? "0.0.0.0", port };
    this.bound = this.#open(host, port);
    this.bound.catch((error) => {
      this.#sender.abort(error);
      this.#end(error);
    });
  }

  /** The local address. Until `bound` resolves: the address asked for. */
  get local(): Address {
    return this.#local;
  }

  /** Whether it is closed, or about to be. */
  get isEnding(): boolean {
    return this.#ending !== undefined;
  }

  /** The only peer that is heard. */
  get peer(): Peer | undefined {
    return this.#filter.peer;
  }

  /** Whether a multicast group is heard. */
  set hearsGroups(value: boolean) {
    this.#filter.hearsGroups = value;
  }

  /** How many bytes wait to be sent. */
  get queuedBytes(): number {
    return this.#sender.queuedBytes;
  }

  /** How many datagrams the engine had to drop. */
  get droppedDatagrams(): number {
    return lossOf(this.#socket, "droppedDatagrams");
  }

  /** How many bytes those had; 0 where the engine does not know. */
  get droppedBytes(): number {
    return lossOf(this.#socket, "droppedBytes");
  }

  async #open(host: string | undefined, port: number): Promise<Address> {
    const settings = this.#settings;
    if (settings.peer !== undefined) {
      const family = host === undefined ? 0 : familyReachedFrom(host);
      const peer = this.#names.peerAt(settings.peer, family);
      this.#hearOnly(peer instanceof Promise ? await peer : peer, 0, settings.peer);
    }
    const hostname = host ?? (this.#filter.peer?.ip.includes(":") ? "::" : "0.0.0.0");
    if (this.#isFreed) throw closedError("bind");
    this.#making = bindDatagram(hostname, port, settings);
    const socket = this.#making instanceof Promise ? await this.#making : this.#making;
    if (this.#isFreed) throw closedError("bind");
    this.#socket = socket;
    const { host: boundTo } = this.#local = addressOf(socket, hostname, port);
    this.#owner.onBound?.(this.#local, this.#filter.peer);
    this.#hearInSystem();
    this.#sender.open(socket, boundTo);
    this.#receiver = new DatagramReceiver(socket, this, this.shareHost);
    this.#receiver.go();
    return this.#local;
  }

  /** Hears only this peer from now on. Of several calls the last one counts. */
  async connect(address: Address): Promise<void> {
    if (this.#ending !== undefined) throw closedError("connect");
    const call = ++this.#connects;
    const peer = this.#names.peerAt(address, familyReachedFrom(this.#local.host));
    const found = peer instanceof Promise ? await peer : peer;
    if (this.#ending !== undefined) throw closedError("connect");
    this.#hearOnly(found, call, address);
  }

  /** A lookup may finish later than that of a later call. Then the later call stays in force. */
  #hearOnly(peer: Peer, call: number, asked: Address): void {
    if (call < this.#connectedBy) return;
    this.#connectedBy = call;
    this.#filter.peer = peer;
    this.#hearInSystem();
    this.#owner.onPeer?.(this.#isHeard, asked);
  }

  readonly #isHeard = ({ hostname, port }: DatagramAddress): boolean =>
    this.#filter.admits(this.#local, unmappedIp(hostname), port);

  /** Lets the system sort out what others send, where the engine can. */
  #hearInSystem(): void {
    const { peer } = this.#filter;
    if (peer === undefined) return;
    const { host, ip, port } = peer;
    const hostname = ipVersion(host) === 0 ? ip : host;
    try {
      const given: unknown = this.#socket?.hearOnly?.({ transport: "udp", hostname, port });
      refusePromise("a socket's hearOnly", given);
    } catch (cause) {
      throw brokenError(`Cannot hear only ${formatAddress(host, port)}`, cause);
    }
  }

  /** Checks a datagram's host with {@linkcode checkHost}, and remembers the last result. */
  checkHost(name: string, host: unknown): string {
    if (host !== this.#checkedHost || host === "") {
      this.#checkedHostAs = checkHost(name, host);
      this.#checkedHost = host as string;
    }
    return this.#checkedHostAs;
  }

  /** Sends one datagram, or rejects. The address must have been checked. */
  send(content: unknown, host: string, port: number): Promise<number> {
    return this.#sender.send(checkContent(content), host, port);
  }

  /** Sends one datagram without a promise: reports only errors. */
  post(
    content: unknown,
    host: string,
    port: number,
    onFailed: (error: SocketError) => void,
  ): void {
    this.#sender.post(checkContent(content), host, port, onFailed);
  }

  /** Like {@linkcode UdpSocket.post}, to an address that the engine has given. */
  postTo(content: unknown, target: DatagramAddress, onFailed: (error: SocketError) => void): void {
    this.#sender.postTo(checkContent(content), target, onFailed);
  }

  /** Sends content to the peer, split into datagrams. */
  write(content: unknown): Promise<number> {
    const { host, port } = this.#target();
    return this.#write(content, (bytes) => this.#sender.send(bytes, host, port));
  }

  /** Like {@linkcode UdpSocket.write}, unless the system has refused too much. Returns whether it was queued. */
  tryWrite(content: unknown): boolean {
    const { host, port } = this.#target();
    return this.tryWriteTo(content, this.#sender.targetOf(host, port));
  }

  /** The address that `write` sends to. */
  #target(): Address {
    // The peer's name is still being looked up. The sender waits for that as well.
    const target = this.#filter.peer ?? this.#settings.peer;
    if (target === undefined) throw new TypeError("Cannot write: not connected to a peer");
    return target;
  }

  /** Sends content, split into datagrams, to an address that the engine has given. */
  writeTo(content: unknown, target: DatagramAddress): Promise<number> {
    return this.#write(content, (bytes) => this.#sender.sendTo(bytes, target));
  }

  #write(content: unknown, send: (bytes: Uint8Array) => Promise<number>): Promise<number> {
    const bytes = contentBytes(content);
    if (bytes.length <= this.#settings.datagramSize) return send(bytes);
    const parts = this.#split(bytes).map(send);
    const written = Promise.all(parts).then(() => bytes.length);
    written.catch(ignore);
    return written;
  }

  /** Like {@linkcode UdpSocket.writeTo}, unless the system has refused too much. Returns whether it was queued. */
  tryWriteTo(content: unknown, target: DatagramAddress): boolean {
    const parts = this.#split(contentBytes(content));
    return this.#sender.tryPost(parts, target);
  }

  /** How many bytes may wait to be sent. */
  get maxQueuedBytes(): number {
    return this.#settings.maxQueuedBytes;
  }

  /** As how many bytes content counts among those that wait, in as many datagrams as it takes. */
  weightOf(length: number): number {
    return length + OVERHEAD * Math.max(1, Math.ceil(length / this.#settings.datagramSize));
  }

  /** Splits bytes into the contents of datagrams. */
  #split(bytes: Uint8Array): Uint8Array[] {
    const size = this.#settings.datagramSize;
    if (bytes.length <= size) return [bytes];
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
    return parts;
  }

  /** Waits until less is queued, on behalf of an owner. */
  drained(limits: DrainedLimits, owner: object = this): Promise<void> {
    const { network } = this.#settings;
    return this.#sender.whenBelow(limits, network.clock, owner);
  }

  /** Ends the waits of one owner. */
  endWaits(owner: object, error: SocketError): void {
    this.#sender.endWaits(owner, error);
  }

  /** Receives, if the owner wants something. If it wants nothing any more, the program may end. */
  wake(): void {
    this.#receiver?.go();
  }

  /** The bound socket below, for direct calls. */
  async socket(action: string): Promise<DatagramSocket> {
    await this.bound;
    if (this.#ending !== undefined) throw closedError(action);
    return this.#socket!;
  }

  /** How large the system's buffers are. */
  async bufferSizes(): Promise<BufferSizes> {
    const { system } = await this.socket("read the sizes of the system's buffers");
    return ask(system, "bufferSizes");
  }

  get isWanting(): boolean {
    return this.#owner.isWanting;
  }

  /** A datagram that is being handed out, in memory that may be lent. */
  lendable(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#receiver!.lendable(bytes);
  }

  /** Leaves the memory of the datagram that is being handed out to its receiver. */
  leaveBuffer(): void {
    this.#receiver?.leaveBuffer();
  }

  /** Takes back memory that was left to a receiver. @param bytes The datagram in it. */
  takeBack(bytes: Uint8Array<ArrayBuffer>): void {
    this.#receiver?.takeBack(bytes);
  }

  put(bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): void {
    this.#traffic.received++;
    this.#traffic.receivedBytes += bytes.length;
    const { hostname, port } = from;
    const ip = unmappedIp(hostname);
    if (!this.#filter.admits(this.#local, ip, port)) return this.#owner.onUnwanted();
    this.#owner.put(bytes, ip === hostname ? from : { transport: "udp", hostname: ip, port });
  }

  onLost(): void {
    this.#traffic.received++;
    this.#owner.onLost?.();
  }

  tookMillis(): number {
    return this.workTime.take();
  }

  beginBatch(): void {
    this.#sender.hold();
  }

  endBatch(): void {
    this.#sender.release();
  }

  onRefused(cause: unknown): void {
    const { host, port } = this.#filter.peer!;
    this.#owner.onRefused?.(setupError(`Cannot reach ${formatAddress(host, port)}`, cause));
  }

  onBroken(cause: unknown): void {
    this.#end(brokenError("Cannot receive", cause));
  }

  /**
   * Sends the queued datagrams, then frees the socket.
   *
   * @param timeoutInMillis How long that may take; then they are dropped.
   */
  close(timeoutInMillis: number = this.#settings.closeTimeoutInMillis): Promise<void> {
    return this.#ending ??= this.#close(timeoutInMillis);
  }

  /** The peers to whom something waits to be sent, each once. */
  unsent(): readonly DatagramAddress[] {
    return this.#sender.unsent();
  }

  /** Drops what is queued, if it is being closed. */
  hurry(): void {
    this.#hurry.abort();
  }

  async #close(timeoutInMillis: number): Promise<void> {
    const error = closedError("send");
    this.#owner.onEnd(closedError("receive"));
    this.#sender.end(error);
    try {
      await waitFor(
        {
          clock: this.#settings.network.clock,
          timeoutInMillis,
          signal: this.#hurry.signal,
          timeoutError: () => error,
        },
        () => this.#sender.drained(),
        ignore,
      );
    } catch {
      // The queued datagrams do not leave in time.
    }
    await this.#free(error);
    this.#onFree(undefined);
  }

  /** Ends it at once. */
  abort(error: SocketError): Promise<void> {
    this.#end(error);
    return this.#ending!;
  }

  #end(error: SocketError): void {
    this.#ending ??= (async () => {
      this.#owner.onEnd(error);
      await this.#free(error);
      this.#onFree(error);
    })();
  }

  #onFree(error: SocketError | undefined): void {
    this.#owner.onFree?.(error);
    this.#resolveClosed(error);
  }

  async #free(error: SocketError): Promise<void> {
    this.#isFreed = true;
    this.#sender.abort(error);
    const stopped = this.#receiver?.stop();
    const { clock } = this.#settings.network;
    try {
      // This also closes a socket that is still being made.
      const closing: unknown = (await this.#making)?.close();
      if (closing instanceof Promise) await settledSoon(clock, closing);
    } catch {
      // It could not be made: `bound` reports why.
    }
    if (stopped !== undefined) await settledSoon(clock, stopped);
  }
}

/** Where a socket is bound. Asked once: one of the user's own may forget it, and throw. */
function addressOf(socket: DatagramSocket, askedHost: string, askedPort: number): Address {
  try {
    const { hostname, port } = socket.addr;
    return { host: hostname, port };
  } catch (cause) {
    throw setupError(`Cannot bind to ${formatAddress(askedHost, askedPort)}`, cause);
  }
}

/** The bytes of content for one datagram. */
function checkContent(content: unknown): Uint8Array {
  const bytes = contentBytes(content);
  if (bytes.length > MAX_DATAGRAM_LENGTH) {
    throw new RangeError(
      `Content must be at most ${MAX_DATAGRAM_LENGTH} bytes for one datagram: got ${bytes.length}`,
    );
  }
  return bytes;
}
