// The bytes that flow in from a transport: one kernel read at a time, begun when more was asked for and it is this
// connection's turn.

import { brokenError, type SocketError } from "../base/errors.ts";
import { refusePromise } from "../base/user_code.ts";
import { young } from "../base/young.ts";
import { ReadBuffer } from "../bytes/read_buffer.ts";
import { isCount, readCountError } from "../network/counts.ts";
import { holdProgram } from "../network/hold_program.ts";
import type { Arriving, Transport } from "../network/network.ts";
import { Share, type ShareHost } from "../network/share.ts";
import {
  arrivingLengthOf,
  arrivingOf,
  hearMore,
  MOST_IN_VAIN,
  PAUSE_AFTER_VAIN_IN_MILLIS,
} from "../network/told.ts";
import { look, type Turn } from "../network/turns.ts";
import type { Pace } from "./pace.ts";
import { CatchUp } from "./catch_up.ts";

/** How it flows. */
export interface InflowSetting extends ShareHost {
  /** How fast, if that is limited. */
  readonly readPace?: Pace | undefined;
}

/** Takes what flows in. */
export interface InflowHost {
  /** A kernel read has to wait because the connection may not go faster. */
  onReadHeld(): void;
  /** A kernel read is about to begin: nothing unread may lie in the buffer. */
  onReadBegin(): void;
  /** Something has arrived that cannot be read yet, or had nothing to read in it: the kernel read goes on. */
  onMore(): void;
  /** Bytes have arrived; they lie in the buffer. */
  onBytes(bytes: Uint8Array<ArrayBuffer>): void;
  /** The peer has ended its direction. */
  onEnd(): void;
  /** The kernel read failed: nothing more will arrive. */
  onFailure(error: SocketError): void;
}

const TRANSFERRED = "bytes that were lent have been kept and transferred away (copy what you keep)";

/** The kernel reads of one connection. */
export class Inflow implements Turn {
  /** Bytes received so far. */
  bytesRead = 0;
  /** How many times something has arrived, of whatever: also where it is not known yet how much can be read of it. */
  arrivals = 0;
  /** Its turn among the other connections. */
  readonly share: Share;
  /** Where the kernel puts the bytes. */
  readonly buffer = new ReadBuffer();
  #transport!: Transport;
  #arriving: Arriving | undefined;
  /** How many attempts have found nothing since one found something. */
  #inVain = 0;
  /** Reads what has arrived, if the transport can do that without a promise. */
  #attempt: (() => void) | undefined;
  readonly #setting: InflowSetting;
  readonly #host: InflowHost;
  #isReading = false;
  /** Whether the kernel read has begun; before that it waits for its turn. */
  #isBegun = false;
  #isPaused = false;
  #isDone = false;
  #isRetired = false;
  /** Whether somebody waits for the kernel read that is under way: then it keeps the program alive. */
  #isAwaited = true;
  /** Bytes of consecutive reads that filled their buffer. */
  #streamed = 0;
  #catchUp: CatchUp | undefined;
  /** What a read without an attempt calls back: made by the first one, and by none where there are attempts. */
  #whenRead: ((count: number | null) => void) | undefined;
  #whenFailed: ((error: unknown) => void) | undefined;

  /** @param transport Where bytes come from. @param setting How. @param host Where they go. */
  constructor(transport: Transport, setting: InflowSetting, host: InflowHost) {
    this.#setting = setting;
    this.#host = host;
    this.#readFrom(transport);
    this.share = new Share(setting);
  }

  /** Bytes that have arrived, and are of something that cannot be read yet; 0 only where there is nothing such. */
  get arrivingLength(): number {
    return this.#arriving === undefined ? 0 : arrivingLengthOf(this.#arriving);
  }

  /** Bytes that have arrived, those that cannot be read yet included. */
  get bytesArrived(): number {
    return this.bytesRead + this.arrivingLength;
  }

  /** Whether a kernel read is under way; perhaps nobody waits for it any more. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Whether a kernel read has begun: its turn has come. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** Whether a kernel read has to wait because the connection may not go faster. */
  get isHeld(): boolean {
    return this.#setting.readPace?.isHolding === true;
  }

  /** Whether nothing more will arrive: the peer has ended, or a read has failed. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Whether everything has been read that had arrived when {@linkcode Inflow.catchUp} was called. */
  get isCaughtUp(): boolean {
    return this.#isDone || this.#catchUp?.isDone !== false;
  }

  /** Whether the last `length` bytes all arrived after what it had to catch up with. */
  isLate(length: number): boolean {
    return this.#catchUp?.isLate(this.bytesArrived - length) === true;
  }

  /** From now on it matters whether everything was read that has arrived by now. */
  catchUp(): void {
    this.#catchUp = new CatchUp(this.bytesArrived);
  }

  /** Lets the runtime look at its sockets: a read that still waits then has got all that had arrived. */
  async lookForMore(): Promise<void> {
    const catchUp = this.#isBegun ? this.#catchUp : undefined;
    const begun = catchUp?.begun;
    await look(this.#setting.turns);
    // The same read has been under way all the time.
    if (this.#isBegun && begun === catchUp?.begun) catchUp?.onLooked(this.bytesArrived);
  }

  /** Begins no kernel read until {@linkcode Inflow.resume}. */
  pause(): void {
    this.#isPaused = true;
    // Others may read from the transport now.
    if (!this.#isAwaited) this.#await(true);
  }

  /** Nobody waits for the kernel read that is under way, until the next {@linkcode Inflow.ask}. */
  letGo(): void {
    if (this.#isReading && this.#isAwaited) this.#await(false);
  }

  #await(isAwaited: boolean): void {
    this.#isAwaited = isAwaited;
    holdProgram(this.#transport, isAwaited);
  }

  /** Goes on reading, from another transport. */
  resume(transport: Transport): void {
    this.#readFrom(transport);
    this.#isPaused = false;
  }

  /** The transport is freed. What a kernel read that is under way still brings is nobody's, and counts no more. */
  retire(): void {
    this.#isRetired = true;
    this.buffer.retire();
  }

  #readFrom(transport: Transport): void {
    this.#transport = transport;
    const canTry = transport.whenReadable !== undefined;
    this.#attempt = canTry ? () => this.#tryRead() : undefined;
    const arriving = this.#arriving = arrivingOf(transport);
    if (arriving !== undefined) hearMore(arriving, young(() => this.#onMore()));
  }

  /** Asks for a turn to read, if that makes sense. Returns whether it does. */
  ask(): boolean {
    if (!this.#isAwaited) this.#await(true);
    if (this.#isReading || this.#isDone || this.#isPaused) return false;
    this.#isReading = true;
    const pace = this.#setting.readPace;
    if (pace === undefined || pace.mayGo(() => this.#askFairly())) this.#askFairly();
    else this.#host.onReadHeld();
    return true;
  }

  #askFairly(): void {
    if (this.#streamed > 0) this.share.lookBeforeRead(this.#streamed);
    if (this.share.isUsedUp) void this.share.stepBack().then(() => this.#askForTurn());
    else this.#askForTurn();
  }

  #askForTurn(): void {
    try {
      if (!this.#setting.turns.read(this, this.#streamed)) return;
    } catch (error) {
      return this.#onFailure(error);
    }
    this.#streamed = 0;
    this.share.begin();
  }

  /** Begins the kernel read: it is this connection's turn. */
  begin(): void {
    this.#isBegun = true;
    this.#catchUp?.onBegin();
    this.#host.onReadBegin();
    this.buffer.renew(this.#attempt !== undefined);
    try {
      if (this.#attempt !== undefined) return this.#awaitReadable(this.#attempt);
      this.#whenRead ??= young((count) => this.#onRead(count));
      this.#whenFailed ??= young((error) => this.#onFailure(error));
      const reading = this.#transport.read(this.#target());
      reading.then(this.#whenRead, this.#whenFailed);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Where the next bytes may go. */
  #target(): Uint8Array {
    const { target } = this.buffer;
    const room = this.#room();
    return room < target.length ? target.subarray(0, room) : target;
  }

  /** How many bytes one read may bring. */
  #room(): number {
    return Math.min(this.buffer.target.length, this.#setting.readPace?.most ?? Infinity);
  }

  #awaitReadable(attempt: () => void): void {
    const given: unknown = this.#transport.whenReadable!(attempt);
    if (given !== undefined) refusePromise("a transport's whenReadable", given);
  }

  #tryRead(): void {
    // A stream of the user's own may call back although it was freed.
    if (this.#isRetired) return void (this.#isReading = this.#isBegun = false);
    let count: number | null | undefined;
    try {
      count = this.#transport.tryRead!(this.#target());
      if (count === undefined) return this.#tryAgain(this.#attempt!);
      this.#inVain = 0;
    } catch (error) {
      return this.#onFailure(error);
    }
    this.#onRead(count);
  }

  #tryAgain(attempt: () => void): void {
    if (++this.#inVain % MOST_IN_VAIN !== 0) return this.#awaitReadable(attempt);
    this.#setting.clock.setTimeout(() => this.#tryRead(), PAUSE_AFTER_VAIN_IN_MILLIS);
  }

  #onMore(): void {
    this.arrivals++;
    if (!this.#isBegun || this.#isRetired) return;
    // Below, the next read has begun.
    this.#catchUp?.onBegin();
    this.#host.onMore();
  }

  #onRead(count: number | null): void {
    this.#isReading = this.#isBegun = false;
    if (count === null) {
      this.#isDone = true;
      return this.#host.onEnd();
    }
    if (this.#isRetired) return;
    const room = this.#room();
    // Where the buffer is gone, there is no room, and the reason is that.
    if (!isCount(count, room)) return this.#onFailure(readCountError(count, room));
    this.bytesRead += count;
    this.arrivals++;
    // A read that fills its buffer has left something behind, and the next one will not have to wait.
    const isFull = count === room;
    this.#setting.readPace?.took(count);
    this.#catchUp?.onRead(this.bytesArrived, this.#transport.mayHaveMore ?? isFull);
    if (isFull) {
      this.#streamed += count;
    } else {
      this.#streamed = 0;
      this.share.begin();
    }
    this.#host.onBytes(this.buffer.filled(count));
  }

  #onFailure(error: unknown): void {
    // If the buffer is gone, the transport's own error does not matter.
    const cause = this.buffer.isGone ? new TypeError(TRANSFERRED) : error;
    this.#isReading = this.#isBegun = false;
    this.#isDone = true;
    this.#host.onFailure(brokenError("Cannot read", cause));
  }
}
