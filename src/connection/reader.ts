// The pull side of a connection: the only place that waits for bytes.
//
//   the kernel --(at most one read under way)--> queue --> whoever waits
//
// Invariants:
// - A kernel read is begun only when somebody waits, and never a second one while one is under way. But where it
//   matters that the peer has gone (`watch`), one is begun although nobody waits, and no other one before what it
//   has brought was taken.
// - What it brings goes into the queue, never straight to a caller: a wait that was given up (timeout,
//   abort) leaves the kernel read alone, and its bytes are there for the next wait.
// - One wait at a time; a second one is refused as "busy".

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
import { Drain } from "./drain.ts";
import { Inflow, type InflowHost, type InflowSetting } from "./inflow.ts";

/** What the reader tells the connection it belongs to. */
export interface ReaderHost extends InflowSetting {
  /** Asks for a call of {@linkcode Reader.look} at that time or earlier. */
  lookBy(due: number): void;
  /** Bytes have come. */
  onReceived(): void;
  /** The peer has ended its direction, or reading was shut down here. */
  onReadEnd(): void;
  /** The kernel read failed. */
  onReadFailure(error: SocketError): void;
  /** Somebody begins to wait. */
  onWait(): void;
  /** Somebody waits for the rest of what has begun to come. */
  onPartial(): void;
  /** Nobody waits any more. */
  onWaitEnd(): void;
  /** Whether lent bytes are overwritten when they are not lent any more. */
  readonly overwritesLent: boolean;
}

/** Somebody who waits for bytes. Exactly one of the two methods is called, once. */
export interface Wait {
  /** How many bytes must be there. */
  readonly length: number;
  /** The iteration whose step it is. */
  readonly owner?: object | undefined;
  /** They are, or the stream has ended. */
  ready(): void;
  /** They will not come, or not in time. */
  fail(error: unknown): void;
}

/** Reads on demand from a transport into a queue. */
export class Reader implements InflowHost {
  /** Bytes received and not yet read. */
  readonly queue = new ByteQueue();
  /** The kernel reads. */
  readonly inflow: Inflow;
  readonly #host: ReaderHost;
  #wait: Wait | undefined;
  #waitTimeoutInMillis = Infinity;
  #waitDue = Infinity;
  #whenFree: (() => void) | undefined;
  #hasEnded = false;
  #isShut = false;
  /** Where it watches: up to which byte it has read ahead. */
  #aheadTo: number | undefined;
  #error: Failure | undefined;
  /** The one that has begun, or is over. */
  #drain: Drain | undefined;

  /** @param transport Where bytes come from. @param host The connection it belongs to. */
  constructor(transport: Transport, host: ReaderHost) {
    this.#host = host;
    this.inflow = new Inflow(transport, host, this);
  }

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.inflow.bytesRead;
  }

  /** Whether somebody waits for bytes. */
  get isWaiting(): boolean {
    return this.#wait !== undefined;
  }

  /** Whether the peer has ended its direction. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether reading was shut down from this side. */
  get isShut(): boolean {
    return this.#isShut;
  }

  /** Goes on, reading from another transport. */
  resume(transport: Transport): void {
    this.inflow.resume(transport);
    if (this.#wait !== undefined || this.#drain?.isUnderWay === true) this.inflow.ask();
    else this.lookAhead();
  }

  /** Whether it reads ahead. */
  get isWatching(): boolean {
    return this.#aheadTo !== undefined;
  }

  /** From now on it reads ahead, so that a failure is seen although nobody waits. */
  watch(): void {
    this.#aheadTo ??= 0;
    this.lookAhead();
  }

  /** Where it watches, and what was read ahead has been taken: reads ahead. To be called when bytes were taken. */
  lookAhead(): void {
    if (this.#aheadTo === undefined || this.#wait !== undefined) return;
    if (this.#isShut || this.#error !== undefined) return;
    if (this.inflow.bytesRead - this.queue.length >= this.#aheadTo) this.inflow.ask();
  }

  /** Throws where somebody waits already. */
  refuseSecond(): void {
    if (this.#wait !== undefined) {
      throw new GenericError(
        "busy",
        "Cannot read: somebody else waits for bytes of this connection (a service, an iteration, a stream or a read)",
      );
    }
  }

  /** Whether a wait for that many bytes would be over at once. */
  has(length: number): boolean {
    return this.queue.length >= length || this.#hasEnded || this.#isShut;
  }

  /** Whether a wait for that many bytes would be over at once, and this connection need not let others go first. */
  mayHave(length: number): boolean {
    return this.has(length) && !this.inflow.share.count();
  }

  /** Tells somebody who need not wait for bytes as soon as the others had their turn. */
  async #readyLater(wait: Wait): Promise<void> {
    this.#wait = wait;
    await this.inflow.share.stepBack();
    // Given up, failed, or told because even more has come.
    if (this.#wait === wait) this.#endWait()!.ready();
  }

  /**
   * The one primitive: makes sure that `wait.length` bytes are there, or the stream has ended, or the wait
   * is over. Must not be called while somebody else waits.
   */
  atLeast(wait: Wait, timeoutInMillis: number): void {
    if (this.has(wait.length)) {
      if (this.inflow.share.count()) return void this.#readyLater(wait);
      return wait.ready();
    }
    if (this.#error !== undefined) return wait.fail(errorOf(this.#error));
    this.#wait = wait;
    this.#waitTimeoutInMillis = timeoutInMillis;
    this.#awaitMore();
    if (this.queue.length > 0) this.#host.onPartial();
    this.#host.onWait();
  }

  /** Ends a wait from outside; what it waited for stays for the next one. */
  giveUp(wait: Wait, reason: unknown): void {
    if (this.#wait === wait) this.#endWait()?.fail(reason);
  }

  /** Ends the wait of an iteration that is left, if it waits. */
  leave(owner: object, reason: unknown): void {
    const wait = this.#wait;
    if (wait !== undefined && wait.owner === owner) this.giveUp(wait, reason);
  }

  /** Calls back once, when nobody waits any more. */
  whenFree(callback: () => void): void {
    if (this.#wait === undefined) callback();
    else this.#whenFree = callback;
  }

  /**
   * Takes up to `length` bytes that are there, everything without it; -1 tells the end.
   */
  take(length?: number): [bytes: Uint8Array<ArrayBuffer>, length: number] {
    const there = this.queue.length;
    if (there === 0) return [new Uint8Array(0), -1];
    const taken = this.queue.take(length === undefined || length > there ? there : length);
    const bytes = this.inflow.buffer.give(taken, this.queue.length === 0);
    this.lookAhead();
    return [bytes, taken.length];
  }

  /**
   * Takes bytes into memory of the user's.
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

  /** Lends everything that is there, until {@linkcode Reader.endLoan}. Nothing may be lent already. */
  lend(): Uint8Array<ArrayBuffer> {
    const lent = this.inflow.buffer.lend(this.queue.takeAll());
    this.lookAhead();
    return lent;
  }

  /** The bytes that were lent are not any more. */
  endLoan(): void {
    this.inflow.buffer.endLoan(this.#host.overwritesLent);
  }

  /** Moves what is unread out of the way of the next kernel read: now pieces of the queue may be kept. */
  settle(): void {
    if (this.queue.length > 0) this.queue.moveLast(this.inflow.buffer);
  }

  /** Drops what is unread; from now on everybody reads the end. */
  shutdown(): void {
    if (this.#isShut || this.#error !== undefined) return;
    this.#isShut = true;
    this.queue.clear();
    this.#endWait()?.ready();
    this.#host.onReadEnd();
  }

  /**
   * Ends reading with an error, for this wait and all later ones.
   *
   * @param error What they are told.
   * @param keepsUnread Whether what has come before can still be read.
   */
  fail(error: Failure, keepsUnread: boolean): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    if (!keepsUnread) {
      this.queue.clear();
      this.#isShut = this.#hasEnded = false;
    }
    const wait = this.#endWait();
    if (wait !== undefined) wait.fail(errorOf(error));
    this.#drain?.end();
  }

  /** Reads and drops what the peer still sends. Resolves when that is over. */
  drain(keeps = false): Promise<void> {
    if (this.inflow.isDone) return Promise.resolve();
    this.#drain = new Drain(this.#host, keeps);
    this.#host.readPace?.release();
    this.inflow.ask();
    return this.#drain.over;
  }

  /**
   * Reads what had come before a write failed, as far as it is there: the peer takes nothing more, but what
   * it has sent is still to be read, and is gone as soon as the transport is freed.
   */
  rescue(): Promise<void> {
    if (this.#isShut || this.#error !== undefined) return Promise.resolve();
    return this.drain(true);
  }

  /** When the next thing is due. */
  get due(): number {
    return Math.min(this.#waitDue, this.#drain?.due ?? Infinity);
  }

  /** Ends what is due. Returns when the next thing will be. */
  look(now: number): number {
    if (this.#waitDue <= now) {
      const wait = this.#endWait()!;
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
    // The timeout begins with the read, or now where there is none to begin.
    if (!this.inflow.ask()) this.#restartTimeout();
  }

  onReadHeld(): void {
    // That time is not the peer's.
    this.#waitDue = Infinity;
  }

  onReadBegin(): void {
    if (this.#wait !== undefined) this.#restartTimeout();
    this.settle();
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
    this.queue.push(bytes);
    const wait = this.#wait;
    if (wait === undefined) {
      if (this.#aheadTo !== undefined) this.#aheadTo = this.bytesRead;
      return;
    }
    if (this.queue.length >= wait.length) {
      this.#endWait();
      wait.ready();
    } else {
      this.#awaitMore();
      this.#host.onPartial();
    }
  }

  /** What comes while a write has failed already. */
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

  #endWait(): Wait | undefined {
    const wait = this.#wait;
    this.#wait = undefined;
    this.#waitDue = Infinity;
    this.#host.onWaitEnd();
    if (this.#whenFree !== undefined) {
      const callback = this.#whenFree;
      this.#whenFree = undefined;
      // After the wait has been told: it may have begun the next one.
      queueMicrotask(callback);
    }
    return wait;
  }
}
