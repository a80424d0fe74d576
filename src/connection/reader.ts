// The pull side of a connection: the only place that waits for bytes.
//
//   the kernel --(at most one read under way)--> queue --> whoever waits
//
// Invariants:
// - A kernel read is begun only when somebody waits, and never a second one while one is under way.
// - What it brings goes into the queue, never straight to a caller: a wait that was given up (timeout,
//   abort) leaves the kernel read alone, and its bytes are there for the next wait.
// - One wait at a time; a second one is refused as "busy".

import { ByteQueue } from "../bytes/byte_queue.ts";
import { CatchUp, MOST_OF_A_KERNEL } from "./catch_up.ts";
import {
  brokenError,
  errorOf,
  type Failure,
  GenericError,
  ReadTimedOutError,
  type SocketError,
} from "../base/errors.ts";
import type { Clock, Transport } from "../network/network.ts";
import { ReadBuffer } from "../bytes/read_buffer.ts";
import { Share } from "../network/share.ts";
import { look, type Turn, type Turns } from "../network/turns.ts";

/** What the reader tells the connection it belongs to. */
export interface ReaderHost {
  /** The time that timeouts go by. */
  readonly clock: Clock;
  /** When kernel reads are begun. */
  readonly turns: Turns;
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
  /** Whether bytes that were lent may still be needed, because they are being sent. */
  mayNeedLent(): boolean;
}

/** Somebody who waits for bytes. Exactly one of the two methods is called, once. */
export interface Wait {
  /** How many bytes must be there. */
  readonly length: number;
  /** They are, or the stream has ended. */
  ready(): void;
  /** They will not come, or not in time. */
  fail(error: unknown): void;
}

/** How long a polite end waits for more of what the peer still sends, and in total. */
const DRAIN_QUIET_IN_MILLIS = 50;
const DRAIN_TOTAL_IN_MILLIS = 1_000;

const TRANSFERRED = "bytes that were lent by an earlier read have been transferred away " +
  "(copy them, or do not set reuseReadBuffer)";

/** Reads on demand from a transport into a queue. */
export class Reader implements Turn {
  /** Bytes received and not yet read. */
  readonly queue = new ByteQueue();
  /** Bytes received so far. */
  bytesRead = 0;
  #transport!: Transport;
  /** Reads what is there, where the transport can without a promise. */
  #attempt: (() => void) | undefined;
  readonly #host: ReaderHost;
  readonly #buffer = new ReadBuffer();
  #hasLent = false;
  #isReading = false;
  /** Bytes of reads in a row that filled their buffer. */
  #streamed = 0;
  /** Its turn among the other connections. */
  readonly share: Share;
  #isPaused = false;
  /** The kernel has nothing more: the peer's end or a failure has come. */
  #peerIsDone = false;
  #wait: Wait | undefined;
  #waitTimeoutInMillis = Infinity;
  #waitDue = Infinity;
  #whenFree: (() => void) | undefined;
  #hasEnded = false;
  #isShut = false;
  /** Whether the kernel read has begun; before that it waits for its turn. */
  #isBegun = false;
  #catchUp: CatchUp | undefined;
  #error: Failure | undefined;
  #drained: (() => void) | undefined;
  #keepsDrained = false;
  #drainQuietDue = Infinity;
  #drainDue = Infinity;

  /** @param transport Where bytes come from. @param host The connection it belongs to. */
  constructor(transport: Transport, host: ReaderHost) {
    this.#host = host;
    this.#readFrom(transport);
    this.share = new Share(host);
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

  /** Whether a kernel read is under way; it may be one that nobody waits for any more. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Whether everything has been read that had come when {@linkcode Reader.catchUp} was called. */
  get isCaughtUp(): boolean {
    return this.#peerIsDone || this.#catchUp?.isDone !== false;
  }

  /** Whether all that is unread has come after what it had to catch up with. */
  get hasOnlyLate(): boolean {
    return this.#catchUp?.isLate(this.bytesRead - this.queue.length) === true;
  }

  /** From now on it matters whether everything was read that has come by now. */
  catchUp(): void {
    this.#catchUp = new CatchUp(this.bytesRead);
  }

  /** Lets the runtime look at its sockets: whoever still waits then has got all that had come. */
  async lookForMore(): Promise<void> {
    const catchUp = this.#isBegun ? this.#catchUp : undefined;
    const begun = catchUp?.begun;
    await look(this.#host.turns);
    // The same read has been under way all the time.
    if (this.#isBegun && begun === catchUp?.begun) catchUp?.onLooked(this.bytesRead);
  }

  /** Begins no kernel read until {@linkcode Reader.resume}; whoever waits meanwhile goes on waiting. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Goes on, reading from another transport. */
  resume(transport: Transport): void {
    this.#readFrom(transport);
    this.#isPaused = false;
    if (this.#wait !== undefined || this.#drained !== undefined) this.#pump();
  }

  #readFrom(transport: Transport): void {
    this.#transport = transport;
    const canTry = transport.whenReadable !== undefined;
    this.#attempt = canTry ? () => this.#tryRead() : undefined;
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
    return this.has(length) && !this.share.count();
  }

  /** Tells somebody who need not wait for bytes as soon as the others had their turn. */
  async #readyLater(wait: Wait): Promise<void> {
    this.#wait = wait;
    await this.share.stepBack();
    // Given up, failed, or told because even more has come.
    if (this.#wait === wait) this.#endWait()!.ready();
  }

  /**
   * The one primitive: makes sure that `wait.length` bytes are there, or the stream has ended, or the wait
   * is over. Must not be called while somebody else waits.
   */
  atLeast(wait: Wait, timeoutInMillis: number): void {
    if (this.has(wait.length)) {
      if (this.share.count()) return void this.#readyLater(wait);
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

  /** Calls back once, when nobody waits any more. */
  whenFree(callback: () => void): void {
    if (this.#wait === undefined) callback();
    else this.#whenFree = callback;
  }

  /**
   * Takes up to `length` bytes that are there, everything without it; -1 tells the end.
   *
   * @param isLent Whether they are needed only until the next read.
   */
  take(length?: number, isLent = false): [bytes: Uint8Array<ArrayBuffer>, length: number] {
    const there = this.queue.length;
    if (there === 0) return [new Uint8Array(0), -1];
    const taken = this.queue.take(length === undefined || length > there ? there : length);
    const isLast = this.queue.length === 0;
    // Lent bytes may be transferred away, and must not take what is unread along.
    if (isLent && isLast && this.#buffer.holds(taken)) {
      this.#hasLent = true;
      return [taken, taken.length];
    }
    return [this.#buffer.give(taken, isLast), taken.length];
  }

  /** Moves what is unread out of the way of the next kernel read: now pieces of the queue may be kept. */
  settle(): void {
    if (this.queue.length > 0) this.queue.moveLast(this.#buffer);
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
    this.#endDrain();
  }

  /**
   * Reads and drops what the peer still sends, until its end, silence or a second has passed: freeing a
   * socket with unread input resets it, and a reset destroys what the peer has not read yet.
   */
  drain(): Promise<void> {
    if (this.#peerIsDone) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    this.#drainDue = this.#host.clock.now() + DRAIN_TOTAL_IN_MILLIS;
    this.#restartQuiet();
    this.#pump();
    return promise;
  }

  /**
   * Reads what had come before a write failed, as far as it is there: the peer takes nothing more, but what
   * it has sent is still to be read, and is gone as soon as the transport is freed.
   */
  rescue(): Promise<void> {
    if (this.#isShut || this.#error !== undefined) return Promise.resolve();
    this.#keepsDrained = true;
    return this.drain();
  }

  /** When the next thing is due. */
  get due(): number {
    return Math.min(this.#waitDue, this.#drainQuietDue, this.#drainDue);
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
    if (this.#drainQuietDue <= now || this.#drainDue <= now) this.#endDrain();
    return this.due;
  }

  #awaitMore(): void {
    // The timeout begins with the read, or now where there is none to begin.
    if (!this.#pump()) this.#restartTimeout();
  }

  /** Asks for a turn to read, where that makes sense. */
  #pump(): boolean {
    if (this.#isReading || this.#peerIsDone || this.#isPaused) return false;
    this.#isReading = true;
    if (this.#streamed > 0) this.share.lookBeforeRead(this.#streamed);
    if (this.share.isUsedUp) void this.share.stepBack().then(() => this.#askForTurn());
    else this.#askForTurn();
    return true;
  }

  #askForTurn(): void {
    if (!this.#host.turns.read(this, this.#streamed)) return;
    this.#streamed = 0;
    this.share.begin();
  }

  /** Begins the kernel read: it is this connection's turn. */
  begin(): void {
    this.#isBegun = true;
    this.#catchUp?.onBegin();
    if (this.#wait !== undefined) this.#restartTimeout();
    this.settle();
    // A drain is no read that somebody asked for.
    const isNeeded = this.#drained !== undefined || this.#host.mayNeedLent();
    this.#buffer.renew(this.#hasLent && isNeeded);
    this.#hasLent = false;
    let reading: Promise<number | null>;
    try {
      if (this.#attempt !== undefined) return this.#transport.whenReadable!(this.#attempt);
      reading = this.#transport.read(this.#buffer.target);
    } catch (error) {
      return this.#onReadFailure(error);
    }
    reading.then(this.#onRead, this.#onReadFailure);
  }

  #tryRead(): void {
    let count: number | null | undefined;
    try {
      count = this.#transport.tryRead!(this.#buffer.target);
      if (count === undefined) return this.#transport.whenReadable!(this.#attempt!);
    } catch (error) {
      return this.#onReadFailure(error);
    }
    this.#onRead(count);
  }

  readonly #onRead = (count: number | null): void => {
    this.#isReading = this.#isBegun = false;
    if (count === null) return this.#onEnd();
    if (this.#buffer.isGone) return this.#onReadFailure(undefined);
    this.bytesRead += count;
    // A read that fills its buffer has left something behind, and the next one will not have to wait.
    const isFull = count === this.#buffer.target.length;
    this.#catchUp?.onRead(this.bytesRead, this.#transport.mayHaveMore ?? isFull);
    if (isFull) {
      this.#streamed += count;
    } else {
      this.#streamed = 0;
      this.share.begin();
    }
    const bytes = this.#buffer.filled(count);
    this.#host.onReceived();
    if (this.#drained !== undefined) {
      if (this.#keepsDrained && !this.#isShut && this.#error === undefined) this.#rescue(bytes);
      if (this.#drained === undefined) return;
      this.#restartQuiet();
      this.#pump();
      return;
    }
    if (this.#isShut || this.#error !== undefined) return;
    this.queue.push(bytes);
    const wait = this.#wait;
    if (wait === undefined) return;
    if (this.queue.length >= wait.length) {
      this.#endWait();
      wait.ready();
    } else {
      this.#awaitMore();
      this.#host.onPartial();
    }
  };

  /** What comes while a write has failed already. */
  #rescue(bytes: Uint8Array<ArrayBuffer>): void {
    this.queue.push(bytes);
    if (this.#wait !== undefined && this.queue.length >= this.#wait.length) {
      this.#endWait()?.ready();
    }
    if (this.queue.length >= MOST_OF_A_KERNEL) this.#endDrain();
  }

  #onEnd(): void {
    this.#peerIsDone = true;
    if (this.#drained !== undefined) return this.#endDrain();
    if (this.#isShut || this.#error !== undefined) return;
    this.#hasEnded = true;
    this.#endWait()?.ready();
    this.#host.onReadEnd();
  }

  readonly #onReadFailure = (error: unknown): void => {
    // Whatever a transport says of a buffer that is not there.
    const cause = this.#buffer.isGone ? new TypeError(TRANSFERRED) : error;
    this.#isReading = this.#isBegun = false;
    this.#peerIsDone = true;
    this.#endDrain();
    // Of two failures the first one counts.
    if (this.#error !== undefined || this.#keepsDrained) return;
    this.#host.onReadFailure(brokenError("Cannot read", cause));
  };

  #restartTimeout(): void {
    if (this.#waitTimeoutInMillis === Infinity) return;
    this.#waitDue = this.#host.clock.now() + this.#waitTimeoutInMillis;
    this.#host.lookBy(this.#waitDue);
  }

  #restartQuiet(): void {
    this.#drainQuietDue = this.#host.clock.now() + DRAIN_QUIET_IN_MILLIS;
    this.#host.lookBy(Math.min(this.#drainQuietDue, this.#drainDue));
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

  #endDrain(): void {
    this.#drainQuietDue = this.#drainDue = Infinity;
    this.#drained?.();
    this.#drained = undefined;
  }
}
