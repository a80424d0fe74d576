// The push side of a connection: ordered, whole, coalescing, bounded.
//
//   write() --> queue --(at most one kernel write under way)--> the kernel
//
// Invariants:
// - Writes go out whole and in call order, however many callers there are.
// - What is written in one turn goes out together in one kernel write, and so does what is queued while one is under
//   way. Small content is gathered; big content is sent in place.
// - The queue is bounded: a write that does not fit is refused whole.
// - The promise of a write that fails never becomes an unhandled rejection: the failure is the connection's, and its
//   `closed` reports it.

import { contentBytes } from "../base/arguments.ts";
import {
  brokenError,
  closedError,
  errorOf,
  type Failure,
  GenericError,
  ignore,
  rejected,
  type SocketError,
  writeError,
} from "../base/errors.ts";
import { young } from "../base/young.ts";
import { loanOf } from "../bytes/loan.ts";
import type { Pace } from "./pace.ts";
import { isCount, writeCountError } from "../network/counts.ts";
import type { DrainedLimits } from "../network/drained.ts";
import type { Clock, Transport } from "../network/network.ts";
import { BYTES_PER_WRITE, type PressedQueue, Pressure } from "../network/pressure.ts";
import type { Turn, Turns } from "../network/turns.ts";
import { LARGEST_GATHERING, QueuedWrite, WriteQueue } from "./write_queue.ts";

/** What the writer reports to its connection. */
export interface WriterHost {
  /** The time that timeouts go by. */
  readonly clock: Clock;
  /** Decides when kernel writes are begun. */
  readonly turns: Turns;
  /** How fast the kernel is given bytes, if that is limited. */
  readonly writePace?: Pace | undefined;
  /** Asks for a call of {@linkcode Writer.look} at that time or earlier. */
  lookBy(due: number): void;
  /**
   * Whether `length` more bytes may be queued, if a limit is shared with others. If so, they count from now on.
   *
   * @param length How many.
   * @param isTried Whether the answer no ends nothing.
   */
  mayQueue(length: number, isTried: boolean): boolean;
  /** `length` bytes are no longer queued. */
  onDequeued(length: number): void;
  /** The kernel took bytes. */
  onSent(): void;
  /** Everything queued was sent. */
  onDrained(): void;
  /** The direction was ended, after everything queued. */
  onWriteEnd(): void;
  /** A write failed, took too long or did not fit. */
  onWriteFailure(error: SocketError): void;
}

/** The limits of the writer. */
export interface WriterLimits {
  /** How long the kernel may take none of the bytes. */
  readonly writeTimeoutInMillis: number;
  /** How many bytes may wait. */
  readonly maxQueuedBytes: number;
}

/** This many writes may wait in any case, even if few bytes may. */
const FEW_WRITES = 1024;

/** A loop that awaits what has arrived and writes an answer writes again within this many microtasks. */
const QUIET_MICROTASKS = 3;

/** Where there are no turns, one is over after this many microtasks. */
const MICROTASKS_OF_A_TURN = 20;

/** What the system has taken is told within this many microtasks, also through TLS. */
const MICROTASKS_UNTIL_TOLD = 20;

const NOTHING = new Uint8Array(0);

/** Who has messages that were sent, and are gathered before they are written. */
export interface Gatherer {
  /** Writes what it has. */
  flush(): unknown;
}

/** Writes to a transport in order. */
export class Writer implements Turn, PressedQueue {
  /** Bytes the kernel has taken so far. */
  bytesWritten = 0;
  /** Bytes accepted that the kernel has not taken yet. */
  queuedBytes = 0;
  #transport: Transport;
  /** Whether the transport can write without a promise. */
  #canTry: boolean;
  readonly #host: WriterHost;
  readonly #limits: WriterLimits;
  readonly #queue = new WriteQueue();
  /** While paused: what was written during the pause. */
  #held: WriteQueue | undefined;
  #whenDrained: (() => void) | undefined;
  /** Made when it is asked for. */
  #pressure: Pressure | undefined;
  #rest: Uint8Array = NOTHING;
  /** How many of its bytes are to be sent. */
  #restLength = 0;
  #isScheduled = false;
  /** Where in the stream that ends of which its user cannot know, such as replies, while nothing else waits. */
  #unknownUntil = 0;
  #gatherer: Gatherer | undefined;
  #isAwaitingTurn = false;
  #onNextTurn: (() => void) | undefined;
  /** How many microtasks have passed since the last write, while it lingers. */
  #quietMicrotasks = 0;
  /** Whether the transport was given bytes, and has not told yet how many it has taken. */
  #isUntold = false;
  /** Ends the wait of failed writes for that. */
  #whenTold: (() => void) | undefined;
  /** Whether the system has refused what it was offered last. */
  #isRefused = false;
  #due = Infinity;
  #error: Failure | undefined;
  #end: PromiseWithResolvers<void> | undefined;
  #hasEnded = false;
  /** What a write without an attempt calls back: made by the first one, since most streams need none. */
  #onWritten: ((count: number) => void) | undefined;
  #whenRefused: ((cause: unknown) => void) | undefined;

  /** @param transport Where bytes go. @param host Its connection. @param limits Its limits. */
  constructor(transport: Transport, host: WriterHost, limits: WriterLimits) {
    this.#transport = transport;
    this.#canTry = transport.tryWrite !== undefined;
    this.#host = host;
    this.#limits = limits;
  }

  /** How many bytes the system was offered so far, and has not refused: it may have taken them without a word yet. */
  get bytesOffered(): number {
    return this.bytesWritten + (this.#isRefused ? this.#mayHaveSent : this.#restLength);
  }

  /** Whether the system was offered all that was written. */
  get isAllOffered(): boolean {
    return this.bytesOffered === this.bytesWritten + this.queuedBytes;
  }

  /** How many bytes of a write that failed or was given up may have gone out nevertheless. */
  get #mayHaveSent(): number {
    if (!this.#isRefused && !this.#isUntold) return 0;
    try {
      const { mayHaveSent = 0 } = this.#transport;
      if (mayHaveSent >= 0) return Math.min(mayHaveSent, this.#restLength);
    } catch { /* one of the user's own cannot say it */ }
    return this.#restLength;
  }

  /** Whether the system was offered bytes that it has not taken yet. */
  get isOffered(): boolean {
    return this.#queue.underWay > 0;
  }

  /** Whether what is written can go out: writing has neither ended nor failed. */
  get isOpen(): boolean {
    return this.#error === undefined && this.#end === undefined;
  }

  /** Whether the direction was ended and the peer has got the end. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether nothing waits to be sent, and something could be sent. */
  get isQuiet(): boolean {
    return this.#writes === 0 && this.#gatherer === undefined && this.#end === undefined &&
      this.#error === undefined;
  }

  /** Somebody gathers what is sent: it goes out before everything that is written, and before the end. */
  gather(by: Gatherer): void {
    if (this.#gatherer === by) return;
    this.#flushGathered();
    this.#gatherer = by;
  }

  /** What was gathered is being written, or dropped. */
  gathersNoMore(by: Gatherer): void {
    if (this.#gatherer === by) this.#gatherer = undefined;
  }

  /** What is gathered goes out in the next turn, if it has not gone before. */
  sendGatheredSoon(): void {
    if (this.#gatherer === undefined || this.#isAwaitingTurn) return;
    this.#isAwaitingTurn = true;
    const { turns } = this.#host;
    if (turns.next !== undefined) turns.next(this.#onNextTurn ??= young(() => this.#nextTurn()));
    else void afterMicrotasks(MICROTASKS_OF_A_TURN).then(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#isAwaitingTurn = false;
    if (this.#gatherer !== undefined) this.#flushGathered();
  }

  #flushGathered(): void {
    const gatherer = this.#gatherer;
    this.#gatherer = undefined;
    gatherer?.flush();
  }

  /**
   * Queues content. Resolves with the count of its bytes when the kernel has them all.
   *
   * @param content Bytes, or text.
   * @param isOneOfMany Whether more is likely to follow within a few microtasks, to go out together with it.
   * @param hasWaited Whether it is no longer its user who decides when it comes: then it has room in any case,
   * and takes none from its user.
   */
  write(
    content: Uint8Array | string,
    isOneOfMany = false,
    hasWaited = false,
  ): Promise<number> {
    let bytes: Uint8Array;
    try {
      bytes = contentBytes(content);
    } catch (error) {
      return rejected(error);
    }
    if (this.#gatherer !== undefined) this.#flushGathered();
    const refusal = this.#refusal(bytes.length, hasWaited);
    if (refusal !== undefined) return rejected(writeError(refusal, 0));
    const write = new QueuedWrite(bytes);
    const promise = write.promised();
    this.#enqueue(write, isOneOfMany);
    return promise;
  }

  /**
   * Queues bytes that are in pieces as one write: all of them or none.
   *
   * @param pieces The bytes, in order.
   * @param hasWaited Whether they have room in any case.
   * @returns What becomes of each piece; one that rejects where none was queued.
   */
  writeAll(pieces: readonly Uint8Array[], hasWaited: boolean): Promise<number>[] {
    if (this.#gatherer !== undefined) this.#flushGathered();
    const refusal = this.#refusal(lengthOf(pieces), hasWaited);
    if (refusal !== undefined) return [rejected(writeError(refusal, 0))];
    return pieces.map((piece) => {
      const write = new QueuedWrite(piece);
      const promise = write.promised();
      this.#enqueue(write, false);
      return promise;
    });
  }

  /**
   * Queues content without a promise for it.
   *
   * @param content Bytes, or text.
   * @param onSent Called when the kernel has it all; not called if it does not go out.
   * @throws {TypeError | SocketError} It was not queued.
   */
  post(content: Uint8Array | string, onSent: () => void): void {
    const bytes = contentBytes(content);
    if (this.#gatherer !== undefined) this.#flushGathered();
    const refusal = this.#refusal(bytes.length);
    if (refusal !== undefined) throw refusal;
    const write = new QueuedWrite(bytes);
    write.resolve = onSent;
    this.#enqueue(write, false);
  }

  /**
   * As `post`, for content in pieces, which is one write: all of them or none.
   *
   * @param contents At least one.
   * @param onSent Called when the kernel has them all.
   */
  postAll(contents: readonly (Uint8Array | string)[], onSent: () => void): void {
    const pieces = Array.from(contents, (content) => contentBytes(content));
    if (this.#gatherer !== undefined) this.#flushGathered();
    const refusal = this.#refusal(lengthOf(pieces));
    if (refusal !== undefined) throw refusal;
    const writes = pieces.map((piece) => new QueuedWrite(piece));
    writes.at(-1)!.resolve = onSent;
    for (const write of writes) this.#enqueue(write, false);
  }

  /**
   * Queues bytes, all of them or none, without a promise, unless the system has refused too much.
   *
   * @param pieces The bytes, in order.
   * @param maxQueuedBytes How much it may have refused, if not the connection's own limit.
   * @returns Whether they were queued; false too if nothing can go out any more.
   */
  tryWrite(
    pieces: readonly Uint8Array[],
    maxQueuedBytes: number = this.#limits.maxQueuedBytes,
  ): boolean {
    if (this.#gatherer !== undefined) this.#flushGathered();
    if (!this.isOpen) return false;
    const length = lengthOf(pieces);
    if (length === 0) return true;
    const writes = this.#writes;
    const mostWrites = mostWritesIn(maxQueuedBytes);
    const isRoom = this.queuedBytes === 0 || this.queuedBytes + length <= maxQueuedBytes;
    if (!isRoom || writes >= mostWrites) {
      if (this.#pressing.refuses(length, writes, maxQueuedBytes, mostWrites)) return false;
    }
    if (!this.#host.mayQueue(length, true)) {
      this.#pressing.mustPause = true;
      return false;
    }
    for (const piece of pieces) this.#enqueue(new QueuedWrite(piece), false);
    return true;
  }

  /** Whether more waits than a limit of bytes allows, and somebody was let through nevertheless. */
  isOver(maxQueuedBytes: number): boolean {
    return this.#pressure !== undefined &&
      (this.queuedBytes > maxQueuedBytes || this.hasMostWrites(maxQueuedBytes));
  }

  /** Whether as many writes wait as may, under a limit of bytes. */
  hasMostWrites(maxQueuedBytes: number): boolean {
    return this.#writes >= mostWritesIn(maxQueuedBytes);
  }

  /**
   * Waits until less is queued.
   *
   * @param limits How much may be left, and how to give up.
   * @returns Rejects with what ended the connection, or if writing was ended and nothing more waits.
   */
  drained(limits: DrainedLimits): Promise<void> {
    this.#flushGathered();
    if (this.#error !== undefined) return rejected(errorOf(this.#error));
    if (this.queuedBytes < limits.below) {
      // A caller that tries again and again must not do so for ever.
      if (this.#end === undefined) return this.#pressure?.pause() ?? Promise.resolve();
      return rejected(closedError("write"));
    }
    return this.#pressing.wait(this.#host.clock, limits, this);
  }

  /** Waits until so many bytes fit; `undefined` where they do, or nothing can go out any more. */
  room(length: number): Promise<void> | undefined {
    const { maxQueuedBytes } = this.#limits;
    const { queuedBytes } = this;
    if (!this.isOpen || queuedBytes === 0 || queuedBytes + length <= maxQueuedBytes) {
      return undefined;
    }
    const below = Math.max(1, maxQueuedBytes - length + 1);
    const limits = { below, timeoutInMillis: Infinity, signal: undefined };
    return this.#pressing.wait(this.#host.clock, limits, this);
  }

  get #pressing(): Pressure {
    return this.#pressure ??= new Pressure(this, this.#host.turns);
  }

  /** Why `length` bytes cannot be queued. An overflow ends the connection. */
  #refusal(length: number, hasRoom = false): SocketError | undefined {
    if (this.#error !== undefined) return errorOf(this.#error);
    if (this.#end !== undefined) {
      return new GenericError("closed", "Cannot write: writing was shut down or closed before");
    }
    const overflow = hasRoom ? this.#overflowOfAll(length) : this.#overflow(length);
    if (overflow === undefined) {
      if (hasRoom && this.#isFreeForUser) {
        this.#unknownUntil = this.bytesWritten + this.queuedBytes + length;
      }
      return undefined;
    }
    const error = new GenericError("overflow", `Cannot write: ${overflow}`);
    this.#host.onWriteFailure(error);
    return error;
  }

  /** Whether nothing waits but what its user cannot know of: there is room behind it as if nothing waited. */
  get #isFreeForUser(): boolean {
    return this.queuedBytes === 0 ||
      this.bytesWritten + this.queuedBytes === this.#unknownUntil;
  }

  #enqueue(write: QueuedWrite, isOneOfMany: boolean): void {
    loanOf(write.bytes)?.borrow(write);
    this.queuedBytes += write.length;
    if (this.#held !== undefined) return this.#held.append(write);
    this.#queue.append(write);
    this.#quietMicrotasks = 0;
    if (this.#queue.underWay > 0 || this.#isScheduled) return;
    // At the end of this turn: what else is written in it goes out in the same kernel write.
    if (isOneOfMany) this.#linger();
    else this.#askForTurn();
  }

  #askForTurn(): void {
    this.#isScheduled = true;
    this.#host.turns.write(this);
  }

  /** Waits while more is written every few microtasks, up to the most that is gathered. */
  #linger(): void {
    this.#isScheduled = true;
    queueMicrotask(() => {
      if (++this.#quietMicrotasks > QUIET_MICROTASKS || this.queuedBytes >= LARGEST_GATHERING) {
        this.#host.turns.write(this);
      } else {
        this.#linger();
      }
    });
  }

  /** How many writes wait. */
  get #writes(): number {
    return this.#queue.count + (this.#held?.count ?? 0);
  }

  /** What does not fit, if anything: bytes, or writes, whose promises take memory too, however small they are. */
  #overflow(length: number): string | undefined {
    const { maxQueuedBytes } = this.#limits;
    const advice = "(await the writes, look at queuedBytes, or raise maxQueuedBytes)";
    if (this.queuedBytes + length > maxQueuedBytes && !this.#isFreeForUser) {
      return `${length} bytes do not fit, ${this.queuedBytes} of ${maxQueuedBytes} are queued ${advice}`;
    }
    const writes = this.#writes;
    if (writes >= mostWritesIn(maxQueuedBytes)) {
      return `${writes} writes are queued already ${advice}`;
    }
    return this.#overflowOfAll(length);
  }

  #overflowOfAll(length: number): string | undefined {
    if (this.#host.mayQueue(length, false)) return undefined;
    return `${length} bytes do not fit into the listener's maxTotalQueuedBytes, and with them no connection would ` +
      "have more queued than this one";
  }

  /** Ends the direction after everything queued. Resolves when the end was sent, rejects if it cannot be. */
  end(): Promise<void> {
    this.#flushGathered();
    if (this.#end !== undefined) return this.#end.promise;
    if (this.#error !== undefined) return rejected(errorOf(this.#error));
    this.#end = Promise.withResolvers();
    this.#end.promise.catch(ignore);
    if (this.#queue.count === 0 && this.#held === undefined) this.#closeWrite();
    return this.#end.promise;
  }

  /**
   * Holds back what is written from now on, until {@linkcode Writer.resume}. Resolves when the kernel has
   * everything that was written before, or the connection is over.
   */
  pause(): Promise<void> {
    this.#flushGathered();
    this.#held = new WriteQueue();
    if (this.#queue.count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenDrained = resolve);
  }

  /** Goes on writing, to another transport. */
  resume(transport: Transport): void {
    this.#transport = transport;
    this.#canTry = transport.tryWrite !== undefined;
    const held = this.#held;
    this.#held = this.#whenDrained = undefined;
    if (this.#error !== undefined) return;
    if (held !== undefined) this.#queue.join(held);
    if (this.#queue.count === 0) {
      if (this.#end !== undefined) this.#closeWrite();
    } else if (this.#queue.underWay === 0 && !this.#isScheduled) {
      this.begin();
    }
  }

  /** Rejects everything queued, now and from now on. */
  fail(error: Failure): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#due = Infinity;
    this.#host.onDequeued(this.queuedBytes);
    this.queuedBytes = 0;
    if (this.#writes > 0) this.#refuseAll(errorOf(error), this.#held);
    this.#pressure?.fail(errorOf(error));
    this.#held = undefined;
    this.#whenDrained?.();
    if (this.#end !== undefined && !this.#hasEnded) this.#end.reject(errorOf(error));
  }

  /**
   * Rejects every write, each with how much of it has gone out. A write that is under way may have gone out already,
   * without a word yet: its user must not be told that the peer cannot have it.
   */
  #refuseAll(error: SocketError, held: WriteQueue | undefined): void {
    const refuse = () => {
      this.#whenTold = undefined;
      this.#queue.refuse(error, this.#restLength, this.#mayHaveSent);
      held?.refuse(error, 0);
    };
    if (!this.#isUntold) return refuse();
    this.#whenTold = refuse;
    let microtasks = 0;
    const wait = () => {
      if (this.#whenTold !== refuse) return;
      if (++microtasks > MICROTASKS_UNTIL_TOLD) refuse();
      else queueMicrotask(wait);
    };
    wait();
  }

  /** When the next thing is due. */
  get due(): number {
    return this.#due;
  }

  /** Does what is due. Returns when the next thing will be due. */
  look(now: number): number {
    if (this.#due <= now) {
      this.#due = Infinity;
      this.#host.onWriteFailure(
        new GenericError(
          "timed-out",
          `Cannot write: the peer took none of ${this.queuedBytes} bytes for ${this.#limits.writeTimeoutInMillis} ms`,
        ),
      );
    }
    return this.#due;
  }

  /** Begins to send what is queued: it is this connection's turn. */
  begin(): void {
    // It queues it, and this is its turn.
    if (this.#gatherer !== undefined) this.#flushGathered();
    this.#isScheduled = false;
    if (this.#error !== undefined) return;
    const gathered = this.#queue.gather();
    if (gathered === undefined) return this.#onChanged();
    this.#rest = gathered;
    this.#restLength = gathered.length;
    this.#send();
  }

  #send(): void {
    // Nothing to send counts as sent.
    if (this.#restLength === 0) return this.#settle();
    let piece = this.#piece();
    if (piece === undefined) return;
    if (this.#canTry) {
      if (!this.#tryWrite(piece)) return;
      piece = this.#piece();
      if (piece === undefined) return;
    }
    const { writeTimeoutInMillis } = this.#limits;
    if (writeTimeoutInMillis !== Infinity) {
      this.#due = this.#host.clock.now() + writeTimeoutInMillis;
      this.#host.lookBy(this.#due);
    }
    this.#onWritten ??= young((count) => {
      this.#isUntold = false;
      if (this.#onTaken(count)) this.#send();
    });
    this.#whenRefused ??= young((cause) => this.#onRefused(cause));
    try {
      const writing = this.#transport.write(piece);
      this.#isUntold = true;
      writing.then(this.#onWritten, this.#whenRefused);
    } catch (error) {
      this.#onRefused(error);
    }
  }

  /** What may be sent now; `undefined` if that has to wait. */
  #piece(): Uint8Array | undefined {
    const pace = this.#host.writePace;
    if (pace === undefined) return this.#rest;
    if (!pace.mayGo(() => this.#sendOn())) {
      // The peer is not responsible for that time.
      this.#due = Infinity;
      return undefined;
    }
    return this.#restLength > pace.most ? this.#rest.subarray(0, pace.most) : this.#rest;
  }

  #sendOn(): void {
    if (this.#error !== undefined) return;
    if (this.#rest.length !== this.#restLength) this.#onChanged();
    else this.#send();
  }

  /** Sends what fits without waiting. Returns whether something is left that has to wait. */
  #tryWrite(piece: Uint8Array): boolean {
    let count: number | undefined;
    try {
      count = this.#transport.tryWrite!(piece);
    } catch (error) {
      this.#onRefused(error);
      return false;
    }
    return count === undefined || this.#onTaken(count);
  }

  /** The kernel took bytes. Returns whether something is left of those that are under way. */
  #onTaken(count: number): boolean {
    const offered = Math.min(this.#restLength, this.#host.writePace?.most ?? Infinity);
    if (!isCount(count, offered)) {
      this.#onRefused(writeCountError(count, offered));
      return false;
    }
    this.bytesWritten += count;
    this.#host.writePace?.took(count);
    if (this.#error !== undefined) {
      this.#restLength -= count;
      this.#whenTold?.();
      return false;
    }
    this.queuedBytes -= count;
    this.#pressure?.onTaken(count);
    this.#host.onDequeued(count);
    this.#host.onSent();
    const rest = this.#restLength - count;
    if (rest === 0) {
      this.#settle();
    } else if (this.#rest.length !== this.#restLength) {
      // What was sent of it may have been changed, too.
      this.#onChanged();
    } else {
      this.#rest = this.#rest.subarray(count);
      this.#restLength = rest;
      return true;
    }
    return false;
  }

  /** Ends the connection: a hole in a stream would be worse than its end. */
  #onChanged(): void {
    this.#onWriteFailure(
      new TypeError(
        "bytes that were written have been transferred or resized before they were sent",
      ),
    );
  }

  #onRefused(cause: unknown): void {
    this.#isUntold = false;
    // The system cannot know what happened to the bytes, and reports a bad address.
    if (this.#rest.length !== this.#restLength) this.#onChanged();
    else this.#onWriteFailure(cause);
    this.#whenTold?.();
  }

  #onWriteFailure(cause: unknown): void {
    this.#isRefused = true;
    if (this.#error === undefined) this.#host.onWriteFailure(brokenError("Cannot write", cause));
  }

  #settle(): void {
    this.#due = Infinity;
    this.#restLength = 0;
    this.#queue.settle();
    if (this.#gatherer !== undefined) {
      // It begins below.
      this.#isScheduled = true;
      this.#flushGathered();
      this.#isScheduled = false;
    }
    if (this.#queue.count === 0) return this.#afterDrain();
    // If the kernel takes all of it without waiting, go on in another turn: there may be much.
    if (this.#canTry) this.#askForTurn();
    else this.begin();
  }

  #afterDrain(): void {
    // Do not keep the last content alive until the next write.
    this.#rest = NOTHING;
    if (this.#held !== undefined) this.#whenDrained?.();
    else if (this.#end !== undefined) this.#closeWrite();
    this.#host.onDrained();
  }

  #closeWrite(): void {
    const onEnded = () => {
      this.#hasEnded = true;
      this.#end!.resolve();
      if (this.#error === undefined) this.#host.onWriteEnd();
    };
    const onFailed = (cause: unknown) => {
      if (this.#error !== undefined) return;
      // The peer has gone already, and everything was sent: that is an end, too.
      if (cause instanceof Deno.errors.NotConnected) onEnded();
      else this.#onWriteFailure(cause);
    };
    try {
      this.#transport.closeWrite().then(onEnded, onFailed);
    } catch (error) {
      onFailed(error);
    }
  }
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/** How many writes may wait under a limit of bytes: their places take memory, too. */
function mostWritesIn(maxQueuedBytes: number): number {
  return Math.max(FEW_WRITES, maxQueuedBytes / BYTES_PER_WRITE);
}

async function afterMicrotasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}
