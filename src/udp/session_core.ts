// The core of one session: its datagrams queue up, it may be idle too long, and it ends once.

import { BusyClock, LEAST_BUSY_INTERVAL_IN_MILLIS } from "./busy_clock.ts";
import { DatagramMailbox, type DropPolicy } from "./datagram_mailbox.ts";
import type { Shape, TakeLimits } from "./datagram_waiters.ts";
import { contentBytes } from "../base/arguments.ts";
import type { DrainedLimits } from "../network/drained.ts";
import { LazyTimer } from "../network/lazy_timer.ts";
import { HandOut } from "../bytes/hand_out.ts";
import {
  closedError,
  GenericError,
  rejected,
  type SocketError,
  stackless,
} from "../base/errors.ts";
import type { Placed } from "../base/bag.ts";
import type { InLine } from "../listener/line.ts";
import type { Clock, DatagramAddress } from "../network/network.ts";
import type { Turns } from "../network/turns.ts";
import type { UdpSocket } from "./udp_socket.ts";
import type { SessionEndReason } from "./udp_stats.ts";
import type { UnreadBudget } from "./unread_budget.ts";

/** How sessions behave. */
export interface SessionSettings {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly idleTimeoutInMillis: number;
  /** What counts as activity: a user who only sends must find out that the peer has gone. */
  readonly idleBy: "received" | "either";
  readonly queueLimit: number;
  readonly drop: DropPolicy;
  readonly limits: TakeLimits;
  /** Whether lent bytes are overwritten when the loan ends. */
  readonly overwritesLent: boolean;
}

/** What the sessions of one listener share. */
export interface SharedBySessions {
  /** The socket they send with. */
  readonly socket: UdpSocket;
  /** How they behave. */
  readonly settings: SessionSettings;
  /** The limit for what all of them keep. */
  readonly budget: UnreadBudget;
  /** Called when one is over, with the reason. */
  onEnd(core: SessionCore, reason: SessionEndReason): void;
}

/** A session below its face. */
export class SessionCore implements InLine<SessionCore>, Placed {
  readonly socket: UdpSocket;
  /** Who it is about, as its first datagram told. */
  readonly peer: DatagramAddress;
  readonly settings: SessionSettings;
  /** Resolves when it is over. */
  readonly closed: Promise<SocketError | undefined>;
  /** Made at the first use of `signal`: most sessions never need it. */
  #abortion: AbortController | undefined;
  /** A method of a service that handles this session is under way. */
  isHandled = false;
  /** Its service has an `onClose`, which has not settled yet. */
  hasOnClose = false;
  /** Whether one of its datagrams is being handled by a method of a service; `undefined` where there is none for each. */
  isCalling: boolean | undefined;
  /** Says its last words at a stop, and calls `onHandled` then, if a service has any. */
  part: (() => void) | undefined;
  /** It was taken from an iteration: what the taker does with it is not known. */
  isPulled = false;
  /** It waits to be taken from an iteration. */
  isUntaken = false;
  before: SessionCore | undefined;
  behind: SessionCore | undefined;
  place = -1;
  /** Bytes of its peer's datagrams, whether or not they found room. */
  bytesRead = 0;
  /** Bytes that were given to be sent. */
  bytesWritten = 0;
  readonly #mailbox: DatagramMailbox;
  readonly #timer: LazyTimer;
  readonly #resolveClosed: (error: SocketError | undefined) => void;
  readonly #shared: SharedBySessions;
  readonly #activity: { now(): number };
  readonly #busyClock: BusyClock;
  /** The time of the last activity. NaN while that time is not known yet. */
  #activeAt: number;
  readonly #begunAt: number;
  /** Where the datagram is from that arrived last. */
  #arrived: DatagramAddress;
  #endReason: SessionEndReason | undefined;
  #ended: SocketError | undefined;
  /** The error that is about to end it. */
  #blamed: SocketError | undefined;
  #stopped: SocketError | undefined;
  #sawEnd = false;

  constructor(peer: DatagramAddress, shared: SharedBySessions) {
    const { socket, settings } = shared;
    this.#shared = shared;
    this.socket = socket;
    this.peer = this.#arrived = peer;
    this.settings = settings;
    const closed = Promise.withResolvers<SocketError | undefined>();
    this.closed = closed.promise;
    this.#resolveClosed = closed.resolve;
    const { clock, turns, queueLimit, drop, idleTimeoutInMillis } = settings;
    const { budget } = shared;
    this.#mailbox = new DatagramMailbox(clock, queueLimit, drop, new HandOut(), budget, turns);
    this.#mailbox.workTime = this.socket.workTime;
    this.#activeAt = this.#begunAt = clock.now();
    this.#timer = new LazyTimer(clock, {
      look: (now, isSure) => this.#look(now, isSure),
    });
    this.#busyClock = new BusyClock(clock, (due) => this.#timer.by(due));
    const isLong = idleTimeoutInMillis >= LEAST_BUSY_INTERVAL_IN_MILLIS;
    this.#activity = isLong ? this.#busyClock : clock;
    if (idleTimeoutInMillis !== Infinity) this.#timer.by(this.#activeAt + idleTimeoutInMillis);
  }

  /**
   * The peer, and the local address that answers leave from. The peer's datagrams may come to several, and one that
   * decided for all could be forged. So each answer leaves from where the question came to: the datagram that was
   * read last, or, until one was read, the one that arrived last.
   */
  get answerTo(): DatagramAddress {
    return this.#mailbox.handedOut ?? this.#arrived;
  }

  /** How many datagrams found no room. */
  get droppedDatagrams(): number {
    return this.#mailbox.droppedDatagrams;
  }

  /** The error that ended it. */
  get ended(): SocketError | undefined {
    return this.#ended;
  }

  /** Who ended it, in the words that connections use: idle too long is an error. */
  get endedBy(): "local" | "stop" | "error" {
    return this.#endReason === "local" || this.#endReason === "stop" ? this.#endReason : "error";
  }

  /** How long ago it began. */
  get ageInMillis(): number {
    return this.settings.clock.now() - this.#begunAt;
  }

  /** Whether reads and writes reject because it ends or has ended. */
  get isOver(): boolean {
    return this.#ended !== undefined || this.#stopped !== undefined;
  }

  /** Whether what arrived may still be taken: who ends it on purpose wants no more of it. */
  get isReadable(): boolean {
    return this.#ended === undefined || this.#endReason === "idle";
  }

  /** A datagram was taken, and nobody wants it any more. */
  dropTaken(): void {
    this.#mailbox.countDropped(1, "not-taken");
  }

  /** Gets a datagram of the peer. */
  put(bytes: Uint8Array, from: DatagramAddress): void {
    this.#noteActivity();
    this.bytesRead += bytes.length;
    this.#arrived = from;
    this.#mailbox.put(bytes, from);
  }

  /** Takes one of its datagrams, as a mailbox does. */
  take<T>(shape: Shape<T>, limits: TakeLimits, closedAs?: T): Promise<T> {
    if (this.#stopped !== undefined && this.#mailbox.length === 0) this.#sawEnd = true;
    const taken = this.#mailbox.take(shape, limits, closedAs);
    if (this.#stopped !== undefined) {
      if (this.#mailbox.isWaitedFor) this.#sawEnd = true;
      // Checked again afterwards: the datagram may be handed out later, because others go first.
      const check = () => this.#endIfDone();
      check();
      taken.then(check, check);
    }
    return taken;
  }

  /** Ends the waits of an iteration that was left, as a mailbox does. */
  leave(shape: Shape<unknown>): void {
    this.#mailbox.leave(shape);
  }

  /** Sends content to the peer, split into datagrams. */
  write(content: unknown): Promise<number> {
    const refusal = this.refusal("write");
    if (refusal !== undefined) return rejected(refusal);
    const bytes = contentBytes(content);
    this.#noteSent(bytes.length);
    return this.socket.writeTo(bytes, this.answerTo);
  }

  /** Sends content to the peer, unless the system has refused too much. Returns whether it was queued. */
  tryWrite(content: unknown): boolean {
    const bytes = contentBytes(content);
    if (this.#ended !== undefined) return false;
    const isQueued = this.socket.tryWriteTo(bytes, this.answerTo);
    if (isQueued) this.#noteSent(bytes.length);
    return isQueued;
  }

  /** Waits until the socket has less queued; rejects when the session ends. */
  drained(limits: DrainedLimits): Promise<void> {
    const refusal = this.refusal("send");
    if (refusal !== undefined) return rejected(refusal);
    return this.socket.drained(limits, this);
  }

  /** Why something cannot be done any more, after its end. */
  refusal(action: string): SocketError | undefined {
    if (this.#ended === undefined) return undefined;
    const { code, message } = this.#ended;
    return code === "closed" ? closedError(action) : new GenericError(code, message);
  }

  /**
   * An answer that a method has returned is about to be sent.
   *
   * @returns Why it must not be: after its end a session sends nothing.
   */
  noteAnswer(length: number): SocketError | undefined {
    if (this.#ended === undefined) return void this.#noteSent(length);
    // Whoever has ended it knows.
    return this.endedBy === "error" ? this.#ended : closedError("write");
  }

  #noteSent(length: number): void {
    this.bytesWritten += length;
    if (this.settings.idleBy === "either") this.#noteActivity();
  }

  #noteActivity(): void {
    if (this.settings.idleTimeoutInMillis !== Infinity) this.#activeAt = this.#activity.now();
  }

  #look(now: number, isSure: boolean): number {
    const { idleTimeoutInMillis } = this.settings;
    const next = this.#busyClock.look(now);
    if (Number.isNaN(this.#activeAt)) this.#activeAt = now;
    // What waits to be handled, or is handled, keeps its session.
    if (this.isCalling === true || this.isCalling === false && this.#mailbox.length > 0) {
      this.#activeAt = now;
    }
    const due = this.#activeAt + idleTimeoutInMillis;
    if (due > now || !isSure) return Math.min(due, next);
    const message = `The session ended: idle for ${idleTimeoutInMillis} ms`;
    // Whoever keeps the error must not keep what nobody can read any more.
    this.end(stackless(() => new GenericError("timed-out", message)), "idle");
    return Infinity;
  }

  /**
   * Ends it as soon as what arrived has been read and its calls are over.
   *
   * @param mayPart Whether it may say last words.
   */
  stop(mayPart = true): void {
    if (this.#stopped !== undefined) return;
    if (!mayPart) this.part = undefined;
    this.#stopped = closedError("receive");
    if (this.#mailbox.isWaitedFor) this.#sawEnd = true;
    this.#mailbox.finish(this.#stopped, true);
    this.#endIfDone();
  }

  /** A method of a service that handled it has settled. */
  onHandled(): void {
    this.isHandled = false;
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#stopped === undefined || this.isHandled || this.isUntaken) return;
    if (this.#mailbox.length > 0) return;
    if (this.isPulled && !this.#sawEnd) return;
    const { part } = this;
    if (part === undefined || this.#ended !== undefined) return this.end(this.#stopped, "stop");
    this.part = undefined;
    this.isHandled = true;
    part();
  }

  /** The user's loop is over: ends it, at a stop after its last words. */
  finish(): void {
    if (this.#stopped === undefined) return this.close();
    this.#mailbox.clear();
  }

  /** The user ends it. */
  close(): void {
    this.end(closedError("receive"), this.#stopped === undefined ? "local" : "stop");
  }

  /** It will end with this error, as soon as its service has been told, whatever ends it before. */
  blame(error: SocketError): void {
    this.#blamed = error;
  }

  /** Ends it. Only if it was idle, its user can still read what arrived before. */
  end(error: SocketError, reason: SessionEndReason): void {
    if (this.#ended !== undefined) return;
    const ended = this.#ended = this.#blamed ?? error;
    this.#endReason = ended === error ? reason : "error";
    this.#timer.stop();
    this.socket.endWaits(this, error.code === "closed" ? closedError("send") : error);
    // One that was not taken has no user who could read what arrived.
    if (reason !== "idle" || this.isUntaken) this.#mailbox.clear();
    this.#mailbox.finish(error, error.code === "closed" || error.code === "timed-out");
    this.#shared.onEnd(this, this.#endReason);
    this.#resolveClosed(ended.code === "closed" ? undefined : ended);
    this.#abortion?.abort(ended);
  }

  /** Aborts as soon as the session ends, with its error or with `"closed"`. */
  get signal(): AbortSignal {
    this.#abortion ??= new AbortController();
    if (this.#ended !== undefined) this.#abortion.abort(this.#ended);
    return this.#abortion.signal;
  }
}
