// A DatagramSocket on the system's own calls: many datagrams are received, or sent, with one call.
//
// - What one call has received is handed out at once. Where nothing more is wanted meanwhile, the rest is kept here, and
//   the next calls receive one at a time: a user who takes one after the other leaves the others to the system.
// - A call that brings less than it could has emptied the socket: the loop tells when there is more.
// - A refused port is told to a connected socket once, by whatever call comes next. A send is repeated then, because
//   nothing of its own was refused; the next receive tells.

import { GenericError } from "../../base/errors.ts";
import { ipVersion } from "../../base/ip_address.ts";
import type {
  DatagramAddress,
  DatagramSocket,
  GroupMembership,
  OutgoingDatagram,
} from "../datagram_socket.ts";
import type { SystemSocket } from "../socket_info.ts";
import { denoNetwork } from "../deno/deno_network.ts";
import { EPOLLET, EPOLLIN, EPOLLOUT, SO_MEMINFO, SOL_SOCKET } from "./abi.ts";
import type { AddressBook } from "./datagram_address.ts";
import { type DatagramsIn, datagramsIn } from "./datagrams_in.ts";
import { type DatagramsOut, datagramsOut } from "./datagrams_out.ts";
import { EAGAIN, ECONNREFUSED, systemError } from "./errno.ts";
import { type EventHandler, type EventLoop, eventLoop } from "./loop.ts";
import { MESSAGES } from "./message_memory.ts";
import { connectSocket, setMembership } from "./datagram_options.ts";
import { closeDescriptor, ownAddress, structureOf } from "./socket.ts";
import { systemSocket } from "./socket_info.ts";

type Filled = [bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress];
type Put = (bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress) => boolean;

/** A datagram that the system has no room for yet. */
interface WaitingSend {
  readonly datagram: readonly [OutgoingDatagram];
  readonly sent: PromiseWithResolvers<number>;
}

/** Counts of a socket's memory (linux/sock_diag.h): how many there are, and the one of dropped datagrams. */
const MEMINFO_WORDS = 9;
const MEMINFO_DROPS = 8;

/** Turns a name, that the program may use, into an address. */
export type Resolve = (target: DatagramAddress) => Promise<DatagramAddress>;

/** A datagram socket of this engine. */
export class LinuxDatagramSocket implements DatagramSocket, EventHandler {
  readonly addr: DatagramAddress;
  readonly #descriptor: number;
  readonly #book: AddressBook;
  readonly #resolve: Resolve;
  readonly #loop: EventLoop = eventLoop();
  readonly #in: DatagramsIn = datagramsIn();
  readonly #out: DatagramsOut = datagramsOut();
  #isConnected = false;
  /** How many groups it hears. */
  #groups = 0;
  /** The peer has refused what was sent to it, and no receive has told yet. */
  #wasRefused = false;
  /** Whether a receive may find something. */
  #isReadable = true;
  /** How many messages the next call receives at most. */
  #batch = 1;
  /** Those that came with the last one that was wanted. */
  #kept: [bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress][] = [];
  #onReadable: (() => void) | undefined;
  #receiving: PromiseWithResolvers<never> | undefined;
  #sending: WaitingSend[] = [];
  #isHolding = false;
  #dropped = 0;
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
    this.addr = ownAddress(descriptor, "udp") as DatagramAddress;
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
    return counts[MEMINFO_DROPS]!;
  }

  onEvents(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.#sendAgain();
    if ((events & ~EPOLLOUT) === 0 || this.#isClosed) return;
    this.#isReadable = true;
    this.#callBack();
  }

  whenReadable(callback: () => void): void {
    if (this.#isClosed) return;
    this.#onReadable = callback;
    if (this.#mayTell) this.#loop.soon(this.#callBack);
    else this.#hold();
  }

  get #mayTell(): boolean {
    return this.#isReadable || this.#wasRefused || this.#kept.length > 0;
  }

  readonly #callBack = (): void => {
    const callback = this.#onReadable;
    if (callback === undefined) return;
    this.#onReadable = undefined;
    callback();
    this.#hold();
  };

  /** Lets the program live exactly as long as somebody waits. */
  #hold(): void {
    const isAwaited = this.#onReadable !== undefined || this.#sending.length > 0;
    if (isAwaited === this.#isHolding) return;
    this.#isHolding = isAwaited;
    if (isAwaited) this.#loop.hold();
    else this.#loop.release();
  }

  tryReceiveAll(most: number, put: Put): number {
    this.#requireOpen();
    if (this.#wasRefused) throw this.#refusal();
    let count = 0;
    let isWanted = true;
    while (this.#kept.length > 0 && count < most && isWanted) {
      const [bytes, from] = this.#kept.shift()!;
      count++;
      isWanted = put(bytes, from);
    }
    while (this.#isReadable && count < most && isWanted && !this.#isClosed) {
      const room = Math.min(this.#batch, most - count);
      const messages = this.#receive(room, count);
      for (let i = 0; i < messages; i++) {
        const from = this.#in.from(i, this.#book);
        const length = this.#in.lengthOf(i);
        const segment = this.#in.segmentOf(i) || length;
        for (let at = 0; at < length || at === 0; at += segment) {
          const bytes = this.#in.bytesOf(i, at, Math.min(segment, length - at));
          if (isWanted && count < most) {
            count++;
            isWanted = put(bytes, from);
          } else {
            this.#kept.push([bytes.slice(), from]);
          }
          if (segment === 0) break;
        }
      }
      if (this.#kept.length > 0) this.#batch = 1;
      else if (messages === this.#batch) this.#batch = Math.min(this.#batch * 4, MESSAGES);
    }
    return count;
  }

  /** Receives. Returns how many messages came. @param before How many datagrams were handed out before. */
  #receive(room: number, before: number): number {
    const received = this.#in.receive(this.#descriptor, room, this.#isConnected);
    if (received === -ECONNREFUSED) {
      this.#wasRefused = true;
      if (before > 0) return 0;
      throw this.#refusal();
    }
    // A refusal that comes behind a datagram is kept for the next call, and the loop does not tell of it.
    if (received < room && !(received > 0 && this.#isConnected)) this.#isReadable = false;
    if (received < 0 && received !== -EAGAIN) throw systemError(-received, "recvmmsg");
    return Math.max(received, 0);
  }

  #refusal(): Error {
    this.#wasRefused = false;
    return systemError(ECONNREFUSED, "recvmmsg");
  }

  tryReceive(buffer: Uint8Array<ArrayBuffer>): Filled | undefined {
    let filled: Filled | undefined;
    this.#batch = 1;
    this.tryReceiveAll(1, (bytes, from) => {
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
    if (this.#sending.length > 0) return 0;
    return this.#sendAll(datagrams, first);
  }

  #sendAll(datagrams: readonly OutgoingDatagram[], first: number): number {
    const now = denoNetwork.clock.now();
    let next = first;
    while (next < datagrams.length) {
      const begun = next;
      this.#out.clear();
      try {
        for (; next < datagrams.length && this.#out.room > 0; next++) {
          const { bytes, target } = datagrams[next]!;
          const to = this.#book.of(target);
          to.requirePermission(now);
          this.#out.add(bytes, to);
        }
      } catch (error) {
        // Those before it go first.
        if (next === first) throw error;
        if (next === begun) break;
      }
      const sent = this.#send();
      if (sent === -EAGAIN) return begun - first;
      if (sent < 0) {
        if (begun === first) throw systemError(-sent, "sendmmsg");
        return begun - first;
      }
      if (sent < next - begun) return begun - first + sent;
    }
    return next - first;
  }

  #send(): number {
    const sent = this.#out.send(this.#descriptor, this.#isConnected);
    if (!this.#out.wasRefused) return sent;
    this.#wasRefused = true;
    if (this.#onReadable !== undefined) this.#loop.soon(this.#callBack);
    return sent;
  }

  async send(bytes: Uint8Array, target: DatagramAddress): Promise<number> {
    this.#requireOpen();
    const isAddress = ipVersion(target.hostname) !== 0;
    const to = isAddress ? target : await this.#resolve(target);
    const sent = this.trySend(bytes, to);
    if (sent !== undefined) return sent;
    const waiting = {
      datagram: [{ bytes, target: to }] as const,
      sent: Promise.withResolvers<number>(),
    };
    if (this.#sending.push(waiting) === 1) this.#watch(EPOLLIN | EPOLLOUT | EPOLLET);
    this.#hold();
    return await waiting.sent.promise;
  }

  /** The system has room again. */
  #sendAgain(): void {
    for (let next = this.#sending[0]; next !== undefined; next = this.#sending[0]) {
      try {
        if (this.#sendAll(next.datagram, 0) === 0) break;
        next.sent.resolve(next.datagram[0].bytes.length);
      } catch (error) {
        next.sent.reject(error);
      }
      this.#sending.shift();
    }
    if (this.#sending.length === 0) this.#watch(EPOLLIN | EPOLLET);
    this.#hold();
  }

  /** Whether there is room is asked only where somebody waits: each datagram that leaves would tell. */
  #watch(events: number): void {
    this.#loop.unregister(this.#descriptor, true);
    this.#loop.register(this.#descriptor, this, events);
  }

  hearOnly(peer: DatagramAddress): void {
    this.#requireOpen();
    // Once connected, a socket of all addresses has one, and hears no groups.
    if (this.#groups > 0) return;
    // Where the system cannot, whose datagrams are heard is looked at above.
    this.#isConnected = connectSocket(this.#descriptor, this.#book.of(peer));
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

  close(): void {
    this.#requireOpen();
    this.#dropped = this.#readDropped();
    this.#isClosed = true;
    this.#loop.unregister(this.#descriptor, this.#isShared);
    closeDescriptor(this.#descriptor);
    this.#onReadable = undefined;
    this.#kept = [];
    const error = new Deno.errors.Interrupted("operation canceled");
    this.#receiving?.promise.catch(() => {});
    this.#receiving?.reject(error);
    for (const { sent } of this.#sending.splice(0)) sent.reject(error);
    this.#hold();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new Deno.errors.BadResource("Bad resource ID");
  }
}
