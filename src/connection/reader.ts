// The pull side of a connection: the only place that waits for bytes.
//
// the kernel --(at most one read under way)--> queue --> the waiting caller
//
// Invariants:
// - A kernel read is begun only when a wait needs it, and never a second one while one is under way. But to notice that
//   the peer has gone (`watch`), one is begun even without a wait, while little is unread.
// - Its bytes go into the queue, never straight to a caller: a wait that was given up (timeout, abort) leaves the
//   kernel read alone, and its bytes are there for the next wait.
// - One wait at a time; a second one is refused as "busy", unless nobody wants the first one any more.

import {
  errorOf,
  type Failure,
  GenericError,
  ReadTimedOutError,
  type SocketError,
} from "../base/errors.ts";
import { ByteQueue } from "../bytes/byte_queue.ts";
import type { Transport } from "../network/network.ts";
import { MOST_OF_A_KERNEL } from "./catch_up.ts";
import { Drain, type DrainTimes, SHORT } from "./drain.ts";
import { Inflow, type InflowHost, type InflowSetting } from "./inflow.ts";

/** What the reader reports to its connection. */
export interface ReaderHost extends InflowSetting {
  /** Asks for a call of {@linkcode Reader.look} at that time or earlier. */
  lookBy(due: number): void;
  /** Bytes have arrived. */
  onReceived(): void;
  /** The peer has ended its direction, or reading was shut down here. */
  onReadEnd(): void;
  /** The kernel read failed. */
  onReadFailure(error: SocketError): void;
  /** A wait begins, or goes on although something has arrived. */
  onWait(): void;
  /** A wait begins for the rest of something that has begun to arrive. */
  onPartial(): void;
  /** The wait is over. */
  onWaitEnd(): void;
  /** A kernel read has to wait because the connection may not go faster: that is not the peer's time. */
  onReadHeld(): void;
  /** A kernel read begins. */
  onReadBegin(): void;
  /** Whether lent bytes are overwritten when the loan ends. */
  readonly overwritesLent: boolean;
}

/** A wait for bytes. Exactly one of the two methods is called, once. */
export interface Wait {
  /** How many bytes must be there. */
  readonly length: number;
  /** On whose behalf it is: an iteration, whose step it is, or a {@linkcode WaitOwner}. */
  readonly owner?: object | undefined;
  /** They have arrived, or the stream has ended. */
  ready(): void;
  /** They will not arrive, or not in time. */
  fail(error: unknown): void;
  /**
   * Whether there is still work to do during the wait, as with what others send; asked at a stop. When that changes it
   * says so, or begins to write.
   */
  isBusy?(): boolean;
  /**
   * Whether somebody still wants what it waits for. A wait that nobody wants gives way to the next one; it is told that
   * it is `ready`, and must not take anything.
   */
  isWanted?(): boolean;
}

/** One that reads for others, and knows what they wait for. */
export interface WaitOwner {
  /** As {@linkcode Wait.isBusy}, where the wait itself does not say. */
  isBusy(): boolean;
}

/**
 * While fewer bytes than this are unread, one that watches reads ahead. The last read may bring as many once more; then
 * the peer feels the back-pressure.
 */
const MOST_AHEAD = 64 * 1024;

/** Takes messages off the queue. */
export interface PartHolder {
  /** From where in the stream on it has taken bytes that it has not given; -1 for none. */
  readonly heldFrom: number;
  /** Up to where in the stream it has looked, and found no whole message; how long one may be, its codec says. */
  readonly soughtTo: number;
}

/** Reads on demand from a transport into a queue. */
export class Reader implements InflowHost {
  /** Bytes received and not yet read. */
  readonly queue = new ByteQueue();
  /** Who takes messages off the queue, and may have taken more than it has given. */
  holder: PartHolder | undefined;
  /** The kernel reads. */
  readonly inflow: Inflow;
  readonly #host: ReaderHost;
  #wait: Wait | undefined;
  #waitTimeoutInMillis = Infinity;
  #waitDue = Infinity;
  #whenFree: (() => void) | undefined;
  #whenReadable: (() => void) | undefined;
  #hasEnded = false;
  #isShut = false;
  #isWatching = false;
  #error: Failure | undefined;
  /** The drain that is under way or over. */
  #drain: Drain | undefined;

  /** @param transport Where bytes come from. @param host Its connection. */
  constructor(transport: Transport, host: ReaderHost) {
    this.#host = host;
    this.inflow = new Inflow(transport, host, this);
  }

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.inflow.bytesRead;
  }

  /** The same with those of something that cannot be read yet. */
  get bytesArrived(): number {
    return this.inflow.bytesArrived;
  }

  /** Whether a wait is under way that somebody wants. */
  get isWaiting(): boolean {
    return this.#wait !== undefined && this.#wait.isWanted?.() !== false;
  }

  /** Whether a wait is under way, and there is still work to do. */
  get isBusy(): boolean {
    return this.#busyTeller?.isBusy?.() === true;
  }

  /** Whether whoever waits says whether there is still work to do. */
  get tellsBusy(): boolean {
    return this.#busyTeller?.isBusy !== undefined;
  }

  get #busyTeller(): Partial<WaitOwner> | undefined {
    const wait = this.#wait;
    return wait?.isBusy === undefined ? wait?.owner : wait;
  }

  /** Whether the peer has ended its direction. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether reading was shut down from this side. */
  get isShut(): boolean {
    return this.#isShut;
  }

  /** Goes on reading, from another transport. */
  resume(transport: Transport): void {
    this.inflow.resume(transport);
    if (this.#wait !== undefined || this.#drain?.isUnderWay === true) this.inflow.ask();
    else this.lookAhead();
  }

  /** Whether it reads ahead. */
  get isWatching(): boolean {
    return this.#isWatching;
  }

  /** From now on it reads ahead, so that an end or a failure is noticed even without a wait, and behind unread bytes. */
  watch(): void {
    this.#isWatching = true;
    this.lookAhead();
  }

  /** Reads ahead if it watches and little is unread. Call it when bytes were taken. */
  lookAhead(): void {
    if (!this.#isWatching || this.#wait !== undefined) return;
    if (this.#isShut || this.#error !== undefined) return;
    if (this.queue.length < MOST_AHEAD) this.inflow.ask();
  }

  /** Throws if a wait is under way. */
  refuseSecond(): void {
    if (this.isWaiting) {
      throw new GenericError(
        "busy",
        "Cannot read: another reader waits for bytes of this connection (a service, an iteration, a stream or a read)",
      );
    }
  }

  /** Whether nothing more will arrive, and something that did is still unread. */
  get hasRest(): boolean {
    return this.inflow.isDone && this.queue.length > 0;
  }

  /**
   * How many bytes there are of something that has begun: the unread ones, those of a part that was taken, and those
   * that cannot be read yet.
   */
  get begun(): number {
    const { offset, length } = this.queue;
    const { arrivingLength } = this.inflow;
    const from = this.holder?.heldFrom ?? -1;
    if (from < 0) return length + arrivingLength;
    // Of a bad frame, all that has come may be dropped already.
    return Math.max(1, offset + length - from) + arrivingLength;
  }

  /** Whether so many bytes that are unread were looked at, and are but a part of a message. */
  isPart(length: number): boolean {
    return this.holder !== undefined && this.holder.soughtTo >= this.queue.offset + length;
  }

  /** Whether a wait needs nothing more, and only lets others go first. */
  isDue(wait: Wait): boolean {
    return this.#wait === wait && this.has(wait.length);
  }

  /** Whether a wait for that many bytes would be over at once. */
  has(length: number): boolean {
    return this.queue.length >= length || this.#hasEnded || this.#isShut;
  }

  /** Whether a wait for that many bytes would be over at once, and this connection need not let others go first. */
  mayHave(length: number): boolean {
    return this.has(length) && !this.inflow.share.count();
  }

  /** Ends a wait that needs no more bytes, as soon as the others have had their turn. */
  async #readyLater(wait: Wait): Promise<void> {
    this.#endUnwanted();
    this.#wait = wait;
    await this.inflow.share.stepBack();
    // Otherwise it was given up, has failed, or was ended because even more has arrived.
    if (this.#wait === wait) this.#endWait()!.ready();
  }

  /**
   * All reads are built on this: ensures that `wait.length` bytes have arrived, or the stream has ended, or the wait is
   * over. Must not be called during another wait that somebody wants.
   */
  atLeast(wait: Wait, timeoutInMillis: number): void {
    if (this.has(wait.length)) {
      if (this.inflow.share.count()) return void this.#readyLater(wait);
      return wait.ready();
    }
    if (this.#error !== undefined) return wait.fail(errorOf(this.#error));
    this.#endUnwanted();
    this.#wait = wait;
    this.#waitTimeoutInMillis = timeoutInMillis;
    this.#awaitMore();
    if (this.begun > 0) this.#host.onPartial();
    this.#host.onWait();
  }

  /** A wait that nobody wants any more makes room for another one; it takes nothing. */
  #endUnwanted(): void {
    if (this.#wait?.isWanted?.() === false) this.#endWait()!.ready();
  }

  /** Ends a wait from outside; the bytes that it waited for stay for the next one. */
  giveUp(wait: Wait, reason: unknown): void {
    if (this.#wait === wait) this.#abandonWait().fail(reason);
  }

  /** Ends the wait of an iteration that is left, if it waits. */
  leave(owner: object, reason: unknown): void {
    const wait = this.#wait;
    if (wait !== undefined && wait.owner === owner) this.giveUp(wait, reason);
  }

  /** Calls back once, when no wait is under way. */
  whenFree(callback: () => void): void {
    if (this.isWaiting) this.#whenFree = callback;
    else callback();
  }

  /** Calls back once, when nothing is arriving any more that cannot be read yet. Only the last callback is kept. */
  whenReadable(callback: () => void): void {
    this.#whenReadable = callback;
  }

  #tellReadable(callback: () => void): void {
    if (this.inflow.arrivingLength > 0) return;
    this.#whenReadable = undefined;
    // After what has come was looked at.
    queueMicrotask(callback);
  }

  /** Takes up to `length` of the bytes that have arrived, by default all; -1 stands for the end. */
  take(length?: number): [bytes: Uint8Array<ArrayBuffer>, length: number] {
    const there = this.queue.length;
    if (there === 0) return [new Uint8Array(0), -1];
    const taken = this.queue.take(length === undefined || length > there ? there : length);
    const bytes = this.inflow.buffer.give(taken, this.queue.length === 0);
    this.lookAhead();
    return [bytes, taken.length];
  }

  /**
   * Takes bytes into the user's memory.
   *
   * @returns How many, -1 at the end.
   */
  takeInto(into: Uint8Array): number {
    const length = Math.min(this.queue.length, into.length);
    if (length === 0) return -1;
    into.set(this.queue.take(length));
    this.lookAhead();
    return length;
  }

  /** Lends all bytes that have arrived, until {@linkcode Reader.endLoan}. Nothing may be lent already. */
  lend(): Uint8Array<ArrayBuffer> {
    const lent = this.inflow.buffer.lend(this.queue.takeAll());
    this.lookAhead();
    return lent;
  }

  /** Ends the loan. */
  endLoan(): void {
    this.inflow.buffer.endLoan(this.#host.overwritesLent);
  }

  /** Moves unread bytes out of the way of the next kernel read: now pieces of the queue may be kept. */
  settle(): void {
    if (this.queue.length > 0) this.queue.moveLast(this.inflow.buffer);
  }

  /** Drops what is unread; from now on every read gives the end. */
  shutdown(): void {
    if (this.#isShut || this.#error !== undefined) return;
    this.#isShut = true;
    this.dropUnread();
    this.#letGo();
    this.#endWait()?.ready();
    this.#host.onReadEnd();
  }

  /**
   * Ends reading with an error, for this wait and all later ones.
   *
   * @param error What those reads get.
   * @param keepsUnread Whether what arrived before can still be read.
   */
  fail(error: Failure, keepsUnread: boolean): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    if (!keepsUnread) {
      this.dropUnread();
      this.#isShut = this.#hasEnded = false;
    }
    const wait = this.#wait;
    // What came before a failure, and was read ahead of others, comes first.
    if (wait !== undefined && !(keepsUnread && this.hasRest && this.isDue(wait))) {
      this.#endWait();
      wait.fail(errorOf(error));
    }
    this.#drain?.end();
  }

  /** Drops what has arrived and was not taken. */
  dropUnread(): void {
    this.queue.clear();
    this.holder = undefined;
  }

  /** Reads and drops what the peer still sends. Resolves when that is over. @param times How long. */
  drain(times: DrainTimes, keeps = false): Promise<void> {
    if (this.inflow.isDone) return Promise.resolve();
    this.#drain = new Drain(this.#host, keeps, times);
    this.#host.readPace?.release();
    this.inflow.ask();
    return this.#drain.over;
  }

  /**
   * Reads what had arrived before a write failed. The peer takes nothing more, but what it has sent is still to be
   * read, and is lost as soon as the transport is freed.
   */
  rescue(): Promise<void> {
    if (this.#isShut || this.#error !== undefined) return Promise.resolve();
    return this.drain(SHORT, true);
  }

  /** When the next thing is due. */
  get due(): number {
    return Math.min(this.#waitDue, this.#drain?.due ?? Infinity);
  }

  /** Does what is due. Returns when the next thing will be due. */
  look(now: number): number {
    if (this.#waitDue <= now) {
      const wait = this.#abandonWait();
      const asked = wait.length > 1
        ? `${this.queue.length} of ${wait.length} bytes are there, `
        : "";
      wait.fail(
        new ReadTimedOutError(
          `Cannot read: ${asked}nothing came for ${this.#waitTimeoutInMillis} ms (nothing is lost, read again)`,
        ),
      );
    }
    if (this.#drain !== undefined && this.#drain.due <= now) this.#drain.end();
    return this.due;
  }

  #awaitMore(): void {
    // The timeout begins with the read, or now if there is none to begin; one that is held back has to begin.
    if (!this.inflow.ask() && !this.inflow.isHeld) this.#restartTimeout();
  }

  onReadHeld(): void {
    // The peer is not responsible for that time.
    this.#waitDue = Infinity;
    this.#host.onReadHeld();
  }

  onReadBegin(): void {
    this.#host.onReadBegin();
    if (this.#wait !== undefined) {
      this.#restartTimeout();
      if (this.begun > 0) this.#host.onPartial();
    }
    this.settle();
  }

  onMore(): void {
    const host = this.#host;
    host.onReceived();
    host.onReadBegin();
    if (this.#drain?.isUnderWay === true) return this.#drain.goOn();
    if (this.#wait !== undefined) {
      this.#restartTimeout();
      if (this.begun > 0) host.onPartial();
      else host.onWaitEnd();
    }
    if (this.#whenReadable !== undefined) this.#tellReadable(this.#whenReadable);
    host.onWait();
  }

  onBytes(bytes: Uint8Array<ArrayBuffer>): void {
    this.#host.onReceived();
    const drain = this.#drain;
    if (drain?.isUnderWay === true) {
      if (drain.keeps && !this.#isShut && this.#error === undefined) this.#rescue(bytes, drain);
      if (!drain.isUnderWay) return;
      drain.goOn();
      this.inflow.ask();
      return;
    }
    if (this.#isShut || this.#error !== undefined) return;
    if (this.#whenReadable !== undefined) this.#tellReadable(this.#whenReadable);
    this.queue.push(bytes);
    const wait = this.#wait;
    if (wait !== undefined) {
      if (this.queue.length < wait.length) {
        this.#awaitMore();
        return this.#host.onPartial();
      }
      this.#endWait();
      wait.ready();
    }
    this.lookAhead();
  }

  /** Takes bytes that arrive after a write has failed. */
  #rescue(bytes: Uint8Array<ArrayBuffer>, drain: Drain): void {
    this.queue.push(bytes);
    if (this.#wait !== undefined && this.queue.length >= this.#wait.length) {
      this.#endWait()?.ready();
    }
    if (this.queue.length >= MOST_OF_A_KERNEL) drain.end();
  }

  onEnd(): void {
    if (this.#drain?.isUnderWay === true) return this.#drain.end();
    if (this.#isShut || this.#error !== undefined) return;
    this.#hasEnded = true;
    this.#endWait()?.ready();
    this.#host.onReadEnd();
  }

  onFailure(error: SocketError): void {
    this.#drain?.end();
    // Of two failures the first one counts.
    if (this.#error === undefined && this.#drain?.keeps !== true) this.#host.onReadFailure(error);
  }

  #restartTimeout(): void {
    if (this.#waitTimeoutInMillis === Infinity) return;
    this.#waitDue = this.#host.clock.now() + this.#waitTimeoutInMillis;
    this.#host.lookBy(this.#waitDue);
  }

  /** Ends the wait, which there is, and leaves the kernel read alone. */
  #abandonWait(): Wait {
    if (!this.isWatching) this.#letGo();
    return this.#endWait()!;
  }

  /** Nobody waits for the kernel read any more, unless the peer's end is waited for. */
  #letGo(): void {
    if (this.#drain?.isUnderWay !== true) this.inflow.letGo();
  }

  #endWait(): Wait | undefined {
    const wait = this.#wait;
    this.#wait = undefined;
    this.#waitDue = Infinity;
    this.#host.onWaitEnd();
    if (this.#whenFree !== undefined) {
      const callback = this.#whenFree;
      this.#whenFree = undefined;
      // After the wait has ended: it may have begun the next one.
      queueMicrotask(callback);
    }
    return wait;
  }
}
