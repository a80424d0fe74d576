// A DatagramSocket on the system's own calls.
//
// A refused port is told to a connected socket once, by whatever call comes next. A send is repeated then, because
// nothing of its own was refused; the next receive tells.

import { GenericError } from "../../base/errors.ts";
import { familyReachedFrom, ipVersion, isUnspecified } from "../../base/ip_address.ts";
import type {
  DatagramAddress,
  DatagramSocket,
  GroupMembership,
  OutgoingDatagram,
} from "../datagram_socket.ts";
import type { SystemSocket } from "../socket_info.ts";
import { EPOLLET, EPOLLIN, EPOLLOUT, SO_MEMINFO, SOL_SOCKET } from "./abi.ts";
import type { AddressBook } from "./datagram_address.ts";
import { DatagramIntake, type Put } from "./datagram_intake.ts";
import { connectSocket, disconnectSocket, setMembership } from "./datagram_options.ts";
import { DatagramOutlet } from "./datagram_outlet.ts";
import { type EventHandler, type EventLoop, eventLoop, type LateHandler } from "./loop.ts";
import { closeDescriptor, ownAddress, pendingFailure, structureOf } from "./socket.ts";
import { systemSocket } from "./socket_info.ts";

type Filled = [bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress];

/** Counts of a socket's memory (linux/sock_diag.h): how many there are, and the one of dropped datagrams. */
const MEMINFO_WORDS = 9;
const MEMINFO_DROPS = 8;

/** Turns a name, that the program may use, into an address. */
export type Resolve = (target: DatagramAddress, family: 0 | 4 | 6) => Promise<DatagramAddress>;

/** A datagram socket of this engine. */
export class LinuxDatagramSocket implements DatagramSocket, EventHandler, LateHandler {
  readonly addr: DatagramAddress;
  readonly #descriptor: number;
  readonly #book: AddressBook;
  readonly #resolve: Resolve;
  readonly #family: 0 | 4 | 6;
  readonly #loop: EventLoop = eventLoop();
  readonly #intake: DatagramIntake;
  readonly #outlet: DatagramOutlet;
  /** How many groups it hears. */
  #groups = 0;
  #isConnected = false;
  #onReadable: (() => void) | undefined;
  #receiving: PromiseWithResolvers<never> | undefined;
  #isHolding = false;
  /** Whether somebody wants what a wait for `whenReadable` brings. */
  #isHeld = true;
  #dropped = 0;
  /** What was dropped before somebody handed the socket over. */
  #droppedBefore = 0;
  #isClosed = false;
  readonly #isShared: boolean;

  /**
   * @param descriptor A socket that is bound. It is this one's from now on, unless this throws.
   * @param book The addresses of its family.
   * @param resolve Looks names up.
   * @param isShared Whether others have the same socket.
   */
  constructor(descriptor: number, book: AddressBook, resolve: Resolve, isShared = false) {
    this.#isShared = isShared;
    this.#descriptor = descriptor;
    this.#book = book;
    this.#resolve = resolve;
    this.#intake = new DatagramIntake(descriptor, book);
    this.#outlet = new DatagramOutlet(
      descriptor,
      book,
      () => this.#onRefused(),
      () => this.#disconnect(),
    );
    this.addr = ownAddress(descriptor, "udp") as DatagramAddress;
    this.#family = familyReachedFrom(this.addr.hostname);
    if (isShared) this.#droppedBefore = this.#readDropped();
    this.#loop.register(descriptor, this, EPOLLIN | EPOLLET);
  }

  get system(): SystemSocket {
    return systemSocket(() => {
      this.#requireOpen();
      return this.#descriptor;
    }, "udp");
  }

  get droppedDatagrams(): number {
    if (!this.#isClosed) this.#dropped = this.#readDropped();
    return this.#dropped;
  }

  #readDropped(): number {
    const counts = new Uint32Array(MEMINFO_WORDS);
    structureOf(this.#descriptor, SOL_SOCKET, SO_MEMINFO, new Uint8Array(counts.buffer));
    // The system counts up to 2 ** 32.
    return counts[MEMINFO_DROPS]! - this.#droppedBefore >>> 0;
  }

  onEvents(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.#sendWaiting();
    if ((events & ~EPOLLOUT) === 0 || this.#isClosed) return;
    this.#intake.isReadable = true;
    this.onSoon();
  }

  whenReadable(callback: () => void): void {
    if (this.#isClosed) return;
    this.#onReadable = callback;
    if (this.#intake.mayTell) this.#loop.soon(this);
    else this.#hold();
  }

  onSoon(): void {
    const callback = this.#onReadable;
    if (callback === undefined) return;
    this.#onReadable = undefined;
    callback();
    this.#hold();
  }

  #onRefused(): void {
    this.#intake.wasRefused = true;
    if (this.#onReadable !== undefined) this.#loop.soon(this);
  }

  /** Lets the program live exactly as long as somebody waits. */
  #hold(): void {
    const isAwaited = this.#isHeld && this.#onReadable !== undefined || this.#outlet.isWaiting;
    if (isAwaited === this.#isHolding) return;
    this.#isHolding = isAwaited;
    if (isAwaited) this.#loop.hold();
    else this.#loop.release();
  }

  holdProgram(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#hold();
  }

  tryReceiveAll(most: number, put: Put): number {
    this.#requireOpen();
    return this.#intake.receive(most, put);
  }

  tryReceive(buffer: Uint8Array<ArrayBuffer>): Filled | undefined {
    this.#requireOpen();
    let filled: Filled | undefined;
    this.#intake.receiveSingly();
    this.#intake.receive(1, (bytes, from) => {
      const part = bytes.length > buffer.length ? bytes.subarray(0, buffer.length) : bytes;
      buffer.set(part);
      filled = [buffer.subarray(0, part.length), from];
      return false;
    });
    return filled;
  }

  async receive(buffer: Uint8Array<ArrayBuffer>): Promise<Filled> {
    for (;;) {
      const filled = this.tryReceive(buffer);
      if (filled !== undefined) return filled;
      const receiving = this.#receiving = Promise.withResolvers<never>();
      const readable = new Promise<void>((resolve) => this.whenReadable(resolve));
      await Promise.race([readable, receiving.promise]);
    }
  }

  trySend(bytes: Uint8Array, target: DatagramAddress): number | undefined {
    return this.trySendAll([{ bytes, target }], 0) === 0 ? undefined : bytes.length;
  }

  trySendAll(datagrams: readonly OutgoingDatagram[], first: number): number {
    this.#requireOpen();
    return this.#outlet.isWaiting ? 0 : this.#outlet.send(datagrams, first, false);
  }

  async send(bytes: Uint8Array, target: DatagramAddress): Promise<number> {
    this.#requireOpen();
    const isName = ipVersion(target.hostname) === 0;
    const to = isName ? await this.#resolve(target, this.#family) : target;
    this.#requireOpen();
    const datagrams = [{ bytes, target: to }] as const;
    if (!this.#outlet.isWaiting) {
      if (this.#outlet.send(datagrams, 0, isName) > 0) return bytes.length;
      this.#watch(EPOLLIN | EPOLLOUT | EPOLLET);
    }
    const waiting = this.#outlet.wait(datagrams, isName);
    this.#hold();
    return await waiting;
  }

  #sendWaiting(): void {
    this.#outlet.sendWaiting();
    // Where some still wait, it is asked anew: that there was no room may have been a wrong hint.
    this.#watch(this.#outlet.isWaiting ? EPOLLIN | EPOLLOUT | EPOLLET : EPOLLIN | EPOLLET);
    this.#hold();
  }

  /** Whether there is room is asked only where somebody waits: each datagram that leaves would tell. */
  #watch(events: number): void {
    this.#loop.unregister(this.#descriptor, true);
    this.#loop.register(this.#descriptor, this, events);
  }

  hearOnly(peer: DatagramAddress): void {
    this.#requireOpen();
    // Once connected, a socket of all addresses has one, and hears no groups. One that others have is theirs, too.
    if (this.#groups > 0 || this.#isShared) return;
    // A new peer may be reached from another address.
    this.#disconnect();
    // What an earlier peer has refused is not this one's doing.
    pendingFailure(this.#descriptor);
    this.#intake.wasRefused = false;
    // Where the system cannot, whose datagrams are heard is looked at above.
    const to = this.#book.of(peer)!;
    if (!connectSocket(this.#descriptor, to)) return;
    this.#isConnected = this.#intake.isConnected = this.#outlet.isConnected = true;
    if (isUnspecified(this.addr.hostname)) this.#outlet.onlyPeer = to;
  }

  /** The system forgets the peer, and the address that it has chosen for it. */
  #disconnect(): void {
    if (!this.#isConnected) return;
    disconnectSocket(this.#descriptor);
    this.#isConnected = this.#intake.isConnected = this.#outlet.isConnected = false;
    this.#outlet.onlyPeer = undefined;
  }

  // deno-lint-ignore require-await -- what it throws becomes a rejection
  async joinGroup(membership: GroupMembership): Promise<void> {
    this.#requireOpen();
    if (this.#isConnected) {
      throw new GenericError(
        "unsupported",
        "Cannot join a group: the socket hears only its peer, join before it is connected",
      );
    }
    setMembership(this.#descriptor, membership, true);
    this.#groups++;
  }

  // deno-lint-ignore require-await -- what it throws becomes a rejection
  async leaveGroup(membership: GroupMembership): Promise<void> {
    this.#requireOpen();
    setMembership(this.#descriptor, membership, false);
    this.#groups--;
  }

  close(): Promise<void> {
    this.#requireOpen();
    this.#dropped = this.#readDropped();
    this.#isClosed = true;
    this.#loop.unregister(this.#descriptor, this.#isShared);
    closeDescriptor(this.#descriptor);
    this.#onReadable = undefined;
    this.#intake.close();
    const error = new Deno.errors.Interrupted("operation canceled");
    this.#receiving?.promise.catch(() => {});
    this.#receiving?.reject(error);
    this.#outlet.close(error);
    this.#hold();
    // Nothing is left of a wait when it is told.
    return this.#loop.rested();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new Deno.errors.BadResource("Bad resource ID");
  }
}
