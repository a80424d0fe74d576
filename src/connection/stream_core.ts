// One transport with its reader and its writer: how a connection lives and ends. Internal; the public face
// is Connection.
//
//   open --close()--> closing --flush, end, drain--> freed
//     \--abort(), a failure, a close after all was said--/
//
// What is particular about a listener's or a client's connection is passed as its origin when it is made. Its transport
// is freed here and nowhere else.

import { closedError, GenericError, ignore, type SocketError } from "../base/errors.ts";
import { type ConnectionEnd, connectionEnd } from "./connection_end.ts";
import { tellEnded } from "../events/connection_events.ts";
import type { Events } from "../events/events.ts";
import { type DrainTimes, LITTLE, LONG_QUIET_IN_MILLIS, SHORT } from "./drain.ts";
import { endOf, hostOf } from "../base/address.ts";
import { isLoopback } from "../base/ip_address.ts";
import { callQuietly } from "../base/user_code.ts";
import { cut, free } from "../network/free.ts";
import { Heartbeat, type HeartbeatHost, type HeartbeatSettings } from "./heartbeat.ts";
import type { Clock, Transport } from "../network/network.ts";
import { type Pace, type PaceLimits, Paces } from "./pace.ts";
import type { Origin } from "./origin.ts";
import { type Attendant, Stopping } from "./stopping.ts";
import { LazyTimer, type Looker } from "../network/lazy_timer.ts";
import { Reader, type ReaderHost } from "./reader.ts";
import type { Turns } from "../network/turns.ts";
import { mustSayEnd } from "../network/told.ts";
import { Writer, type WriterHost, type WriterLimits } from "./writer.ts";

/** The times of a connection that may be set while it runs. */
export interface Timeouts {
  /** How long a read waits for the next byte. */
  readonly readTimeoutInMillis: number;
  /** How long no byte may be received or sent. */
  readonly idleTimeoutInMillis: number;
}

/** The limits of a connection; every value is checked already. */
export interface CoreLimits extends WriterLimits, PaceLimits, Timeouts {
  /** The time that all timeouts go by. */
  readonly clock: Clock;
  /** Decides when reads and writes are begun. */
  readonly turns: Turns;
  /** What counts for the idle timeout. */
  readonly idleBy: "received" | "either";
  /** What it sends when it is quiet, and when a peer counts as deaf. */
  readonly heartbeat: HeartbeatSettings<Uint8Array | string> | undefined;
  /** How long a polite end may take. */
  readonly closeTimeoutInMillis: number;
  /** Whether a service's connection stays open for writes after the peer's end. */
  readonly allowHalfOpen: boolean;
  /** Whether lent bytes are overwritten when the loan ends. */
  readonly overwriteLentBytes: boolean;
}

/** How a connection ends; in an object of its own, so that open connections keep one field and not three. */
interface Ending {
  readonly by: ConnectionEnd["by"];
  /** The error that `closed` gives. */
  readonly error: SocketError | undefined;
  /** Whether `closed` has given it. */
  isOver: boolean;
}

/** What a signal says when there is no error. */
const ENDS: Readonly<Record<ConnectionEnd["by"], string>> = {
  peer: "The connection has ended: the peer has closed it",
  local: "The connection has ended: closed by this side",
  stop: "The connection has ended: its listener was stopped",
  error: "The connection has ended",
};

/** One transport, its reader, its writer and its life. */
export class StreamCore implements ReaderHost, WriterHost, HeartbeatHost, Looker {
  readonly limits: CoreLimits;
  /** Shared by all connections with these limits, unless one was set for this connection. */
  #timeouts: Timeouts;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly reader: Reader;
  readonly writer: Writer;
  /** Where it comes from. */
  readonly origin: Origin;
  /** Its place in the bag of its listener, which sets this; -1 if it is in none. */
  place = -1;
  /** When it began, in whole milliseconds: those need no memory of their own. */
  readonly begunAt: number;
  #transport: Transport;
  #attendant: Attendant | undefined;
  /** Whether the bytes that a loop gets are lent until its next step. */
  lendsToLoops = false;
  #isPaused = false;
  /** It leaves when it has ended, and is done when no method works for it any more. */
  #stay: "in" | "left" | "done" = "in";
  /** Made when it is asked for: for most connections it never is. */
  #closed: PromiseWithResolvers<SocketError | undefined> | undefined;
  #freed: PromiseWithResolvers<void> | undefined;
  /** Only if they are limited. */
  readonly #paces: Paces | undefined;
  /** Made when something is to be looked at. */
  #timer: LazyTimer | undefined;
  #state: "open" | "closing" | "freed" = "open";
  /** How it ends or has ended. */
  #ending: Ending | undefined;
  /** The error that is about to end it. */
  #blamed: SocketError | undefined;
  /** Made when it is asked for. */
  #abortion: AbortController | undefined;
  #heartbeat: Heartbeat | undefined;
  /** Told once of the peer's end. */
  #onPeerEnd: (() => void) | undefined;
  #idleDue = Infinity;
  #closeDue = Infinity;
  #stopping: Stopping | undefined;
  /** Whether closing was given the time in which the program was busy when it was due. */
  #hadItsTime = false;

  /**
   * Begins with nothing read.
   *
   * @param transport The open stream, which is freed with this.
   * @param limits Its limits.
   * @param origin Where it comes from.
   */
  constructor(transport: Transport, limits: CoreLimits, origin: Origin = {}) {
    this.#transport = transport;
    this.limits = this.#timeouts = limits;
    this.origin = origin;
    this.clock = limits.clock;
    this.turns = limits.turns;
    this.begunAt = Math.round(origin.acceptedAt ?? limits.clock.now());
    this.#paces = Paces.of(limits, this);
    this.reader = new Reader(transport, this);
    this.writer = new Writer(transport, this, limits);
    // Nagle's algorithm costs 40 ms per small write that is followed by another; coalescing is ours. If the stream has
    // gone already, the first read or write tells.
    callQuietly(() => transport.setNoDelay?.(true));
    this.#touch();
    const { heartbeat } = limits;
    if (heartbeat !== undefined) {
      this.beat(heartbeat, () => this.writer.post(heartbeat.what(), ignore));
    }
  }

  /** Resolves when everything is over, with the error that ended it, if one did. */
  get closed(): Promise<SocketError | undefined> {
    this.#closed ??= Promise.withResolvers();
    if (this.#ending?.isOver === true) this.#closed.resolve(this.#ending.error);
    return this.#closed.promise;
  }

  /** Resolves when the transport is gone, before the methods called for it have settled. */
  get freed(): Promise<void> {
    if (this.#state === "freed") return Promise.resolve();
    return (this.#freed ??= Promise.withResolvers()).promise;
  }

  /**
   * Aborts as soon as the connection ends, with its error or with `"closed"`. Once it was asked for, the connection is
   * read ahead.
   */
  get signal(): AbortSignal {
    if (this.#abortion === undefined) {
      this.#abortion = new AbortController();
      if (this.#state !== "open") this.#signalEnd();
      else if (this.hasEndedReading) this.#signalStop();
      else this.reader.watch();
    }
    return this.#abortion.signal;
  }

  /** How long a read waits for the next byte. */
  get readTimeoutInMillis(): number {
    return this.#timeouts.readTimeoutInMillis;
  }

  set readTimeoutInMillis(readTimeoutInMillis: number) {
    const { idleTimeoutInMillis } = this.#timeouts;
    this.#timeouts = { readTimeoutInMillis, idleTimeoutInMillis };
  }

  /** How long no byte may be received or sent; setting it begins the time anew. */
  get idleTimeoutInMillis(): number {
    return this.#timeouts.idleTimeoutInMillis;
  }

  set idleTimeoutInMillis(idleTimeoutInMillis: number) {
    const { readTimeoutInMillis } = this.#timeouts;
    this.#timeouts = { readTimeoutInMillis, idleTimeoutInMillis };
    this.#idleDue = Infinity;
    this.#touch();
  }

  /** Where bytes come from and go to; another one after an upgrade. */
  get transport(): Transport {
    return this.#transport;
  }

  /** The service, if there is one. */
  get attendant(): Attendant | undefined {
    return this.#attendant;
  }

  /** Whether it is paused, for an upgrade. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether neither `close` nor `abort` was called, nor anything has failed. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether the transport is gone. */
  get isFreed(): boolean {
    return this.#state === "freed";
  }

  /** What ended or is ending the connection, if it is an error. */
  get error(): SocketError | undefined {
    return this.#ending?.error;
  }

  /** What ends or has ended the connection; `undefined` while it is open. */
  get endedBy(): ConnectionEnd["by"] | undefined {
    return this.#ending?.by;
  }

  /** How the connection has ended: known once it has left. */
  get end(): ConnectionEnd {
    const { by, error } = this.#ending!;
    return connectionEnd(by, error, Math.round(this.clock.now()) - this.begunAt);
  }

  /** From now on a service is called for it. */
  attend(attendant: Attendant): void {
    this.#attendant = attendant;
  }

  /** Neither reads nor writes from now on. Resolves when what was written before has gone out, or all is over. */
  pause(): Promise<void> {
    this.#isPaused = true;
    // What comes and goes meanwhile is a handshake's, which has a time of its own.
    this.#idleDue = Infinity;
    this.reader.inflow.pause();
    return this.writer.pause();
  }

  /** Goes on, with another transport if one is passed; if that is too late, it is freed. */
  resume(transport: Transport = this.#transport): void {
    if (this.#state === "freed") {
      if (transport !== this.#transport) free(transport);
      return;
    }
    this.#transport = transport;
    this.writer.resume(transport);
    this.reader.resume(transport);
    this.#isPaused = false;
    this.#touch();
    // A stop may have waited for this.
    this.closeIfIdle();
  }

  /**
   * Ends politely: what is queued goes out, the peer gets an end and time to read it.
   *
   * @param error What `closed` shall give, if the end is not a plain one.
   * @param by What ends it: the peer, if it has ended what it sends; the stop, if that has ended reading.
   * @returns Resolves when the transport is freed.
   */
  close(
    error?: SocketError,
    by: ConnectionEnd["by"] = this.#endsBy,
  ): Promise<void> {
    if (this.#state !== "open") return this.freed;
    if (error === undefined && this.#isSaidAll) {
      this.#free(undefined, by);
      return this.freed;
    }
    this.#state = "closing";
    this.#heartbeat = undefined;
    this.#endBy(error === undefined ? by : "error", error);
    this.#idleDue = Infinity;
    this.#closeDue = this.clock.now() + this.limits.closeTimeoutInMillis;
    this.lookBy(this.#closeDue);
    this.reader.fail(() => closedError("read"), false);
    // A failure during the close has freed the transport.
    const done = () => this.#free(this.error, this.endedBy!);
    this.writer.end().then(() => this.reader.drain(this.#drainTimes())).then(done, () => {});
    this.#signalEnd();
    return this.freed;
  }

  get #endsBy(): ConnectionEnd["by"] {
    if (this.hasEndedReading) return "stop";
    return this.reader.hasEnded ? "peer" : "local";
  }

  /** How long the last read may take: until a peer elsewhere can have got all, where there is anything to get. */
  #drainTimes(): DrainTimes {
    if (this.writer.bytesWritten <= (this.#isPeerHere ? LITTLE : 0)) return SHORT;
    // The time for closing ends what is not polite any more; this ends before.
    const totalInMillis = Math.max(0, this.#closeDue - this.clock.now() - 1);
    return { quietInMillis: LONG_QUIET_IN_MILLIS, totalInMillis };
  }

  /** Whether whoever has got it first is on this machine. What a proxy says of its client does not matter. */
  get #isPeerHere(): boolean {
    const localAddr = endOf(this.#transport, "localAddr");
    const sender = this.origin.sender ?? endOf(this.#transport, "remoteAddr");
    if (localAddr === undefined || sender === undefined) return false;
    const host = hostOf(sender);
    return sender.transport === "unix" || isLoopback(host) || host === hostOf(localAddr);
  }

  /**
   * Whether both sides have said all: then freeing gives the peer its end, without an end of its own before. Not where
   * that end has to be said.
   */
  get #isSaidAll(): boolean {
    if (!this.reader.hasEnded || !this.isQuiet) return false;
    return !mustSayEnd(this.#transport);
  }

  /**
   * Ends a close of which only the last read is left: the system has all that was written, and no method is under way.
   *
   * @returns Whether it was such a one.
   */
  endDrain(): boolean {
    const { isCalling, isParting } = this.#attendant ?? {};
    if (this.#state !== "closing" || !this.writer.hasEnded || isCalling || isParting) return false;
    this.#free(this.error, this.endedBy!);
    return true;
  }

  /** Frees the transport at once; what is queued or unread is gone. */
  abort(reason: unknown, by: "local" | "stop" = "local"): void {
    // Its peer had gone, or it was closed: what came before that is not wanted any more.
    if (this.#state === "freed") return this.reader.dropUnread();
    const error = new GenericError("aborted", "Aborted by this side", { cause: reason });
    this.#free(error, by, true);
  }

  /**
   * From now on it has this heartbeat, in place of any other one.
   *
   * @param times When.
   * @param send Sends the heartbeat.
   */
  beat(times: HeartbeatSettings<unknown>, send: () => void): void {
    if (this.#state === "open") this.#heartbeat = new Heartbeat(this, times, send);
  }

  /** How fast it reads, if that is limited. */
  get readPace(): Pace | undefined {
    return this.#paces?.read;
  }

  /** How fast it writes, if that is limited. */
  get writePace(): Pace | undefined {
    return this.#paces?.write;
  }

  /** When its own pace held something back last. */
  heldAt(now: number): number {
    return this.#paces?.heldAt(now) ?? -Infinity;
  }

  /** Whether a read of the system has begun, and waits. */
  get isReading(): boolean {
    return this.reader.inflow.isBegun;
  }

  /** Whether something can be sent, and nothing waits to be sent. */
  get isQuiet(): boolean {
    return !this.#isPaused && this.writer.isQuiet;
  }

  /**
   * It will end with this error, as soon as its service has been told: whatever ends it before, this was the first
   * thing that went wrong.
   */
  blame(error: SocketError): void {
    this.#blamed ??= error;
  }

  /** Ends the connection with the error that made it useless. */
  fail(error: SocketError): void {
    if (this.#state !== "freed") this.#free(error, "error");
  }

  /**
   * Gives up what is queued at once, and the connection as soon as the caller has returned: that may be in the middle
   * of a write of another connection, where no handler must be called.
   */
  giveUp(error: SocketError): void {
    this.writer.fail(error);
    queueMicrotask(() => this.fail(error));
  }

  /** Gives the connection up: of those that share a limit it has the most queued. */
  evict(error: SocketError): void {
    this.origin.limits?.onEvicted();
    this.giveUp(error);
  }

  /**
   * From now on the connection closes as soon as it has nothing to do with what has arrived by now.
   *
   * @param newForInMillis How long after its beginning the first bytes of the peer are waited for; 0: not at all.
   */
  stop(newForInMillis = 0): void {
    this.#stopping ??= new Stopping(this, newForInMillis > 0 ? this.begunAt + newForInMillis : 0);
    this.#stopping.closeIfIdle();
  }

  /** Whether a stop has ended reading, while the call under way may still write. */
  get hasEndedReading(): boolean {
    return this.#stopping?.hasEndedReading === true;
  }

  /** Ends reading as a close does. What is written from now on still goes out. */
  endReading(): void {
    this.reader.fail(() => closedError("read"), false);
    this.#signalStop();
  }

  /** If a stop was asked for: closes the connection if it may close now. */
  closeIfIdle(): void {
    this.#stopping?.closeIfIdle();
  }

  /** The last words before a stop have been said. */
  onParted(): void {
    this.#stopping?.onParted();
  }

  /** The stop of its listener waits for it no longer. */
  leave(error: SocketError | undefined): void {
    this.depart(error);
    if (this.#stay === "done") return;
    this.#stay = "done";
    this.origin.onDone?.();
  }

  /**
   * It no longer counts as open, but a method of its service may still be under way, for which a stop waits.
   *
   * @param error What `closed` will give.
   */
  depart(error: SocketError | undefined): void {
    if (this.#stay !== "in") return;
    this.#stay = "left";
    // A method has thrown after the connection was closed.
    if (error !== this.error) this.#ending = { by: "error", error, isOver: false };
    this.origin.onLeave?.(this.endedBy!, error);
    this.origin.dial?.left();
    if (this.origin.events?.hears("ended") === true) this.#tellEnd(this.origin.events);
  }

  #tellEnd(events: Events): void {
    const { origin: { id = 0, dial } } = this;
    const now = this.clock.now();
    const { bytesRead } = this.reader;
    const { bytesWritten } = this.writer;
    tellEnded(
      events,
      { id, begunAt: dial?.begunAt ?? this.begunAt, context: dial?.context },
      this.#transport,
      {
        by: this.endedBy!,
        error: this.error,
        durationInMillis: Math.round(now) - this.begunAt,
        bytesRead,
        bytesWritten,
      },
      now,
    );
  }

  /** Says that everything is over. */
  settle(error: SocketError | undefined): void {
    this.leave(error);
    this.#ending!.isOver = true;
    this.#closed?.resolve(error);
  }

  /** Asks for a look at what is due, at that time or earlier. */
  lookBy(due: number): void {
    if (this.#state !== "freed") (this.#timer ??= new LazyTimer(this.clock, this)).by(due);
  }

  onReceived(): void {
    this.#touch();
    this.#heartbeat?.onReceived();
  }

  onSent(): void {
    if (this.limits.idleBy === "either") this.#touch();
    this.#heartbeat?.onSent();
  }

  onDrained(): void {
    this.#stopping?.closeIfIdle();
  }

  onWait(): void {
    this.#stopping?.closeIfIdle();
  }

  onPartial(): void {
    const rate = this.origin.limits?.minimumRate;
    if (rate === undefined || this.reader.inflow.isHeld) return;
    rate.wait(this.clock.now());
    this.lookBy(rate.due);
  }

  onWaitEnd(): void {
    this.origin.limits?.minimumRate?.endWait(this.clock.now());
  }

  onReadHeld(): void {
    this.onWaitEnd();
  }

  onReadBegin(): void {
    this.#heartbeat?.onReadBegin();
  }

  mayQueue(length: number, isTried: boolean): boolean {
    return this.origin.limits?.mayQueue(length, this.writer.queuedBytes, isTried) ?? true;
  }

  onDequeued(length: number): void {
    this.origin.limits?.onDequeued(length);
  }

  get overwritesLent(): boolean {
    return this.limits.overwriteLentBytes;
  }

  onReadEnd(): void {
    this.#freeIfOver();
    const onPeerEnd = this.#onPeerEnd;
    this.#onPeerEnd = undefined;
    onPeerEnd?.();
  }

  /**
   * Calls back once, when the peer has ended what it sends, or reading was shut down. That is noticed while somebody
   * reads, or it reads ahead.
   */
  whenPeerEnds(callback: () => void): void {
    if (this.reader.hasEnded || this.reader.isShut) callback();
    else this.#onPeerEnd = callback;
  }

  onWriteEnd(): void {
    this.#freeIfOver();
  }

  onReadFailure(error: SocketError): void {
    // While closing, this has ended the drain, and nothing else depends on reading.
    if (this.#state === "open") this.fail(error);
  }

  onWriteFailure(error: SocketError): void {
    const isLost = error.code === "broken" && this.#state === "open";
    // A service could no longer answer.
    if (!isLost || this.#attendant !== undefined) return this.fail(error);
    // What the peer sent before it was gone is not lost with it.
    this.writer.fail(error);
    void this.reader.rescue().then(() => this.fail(error));
  }

  /** Call this last: the code that hears of it may do anything. */
  #signalEnd(): void {
    const abortion = this.#abortion;
    if (abortion === undefined || abortion.signal.aborted) return;
    const { by, error } = this.#ending!;
    abortion.abort(error ?? new GenericError("closed", ENDS[by]));
  }

  /** Nothing more can come. */
  #signalStop(): void {
    this.#abortion?.abort(new GenericError("closed", ENDS.stop));
  }

  /** A connection both of whose directions have ended is over. */
  #freeIfOver(): void {
    if (this.#state !== "open" || !this.writer.hasEnded) return;
    if (this.reader.hasEnded) this.#free(undefined, "peer");
    // Shut down from this side only: the peer may still send, and must not get a reset for that.
    else if (this.reader.isShut || this.hasEndedReading) void this.close();
  }

  #touch(): void {
    const { idleTimeoutInMillis } = this.#timeouts;
    if (idleTimeoutInMillis === Infinity || this.#state !== "open" || this.#isPaused) return;
    this.#idleDue = this.clock.now() + idleTimeoutInMillis;
    this.lookBy(this.#idleDue);
  }

  /** Does what is due, and returns when the next thing will be due. */
  look(now: number, isSure: boolean): number {
    if (this.#paces !== undefined) {
      this.#goOn(this.#paces, now);
      if (this.isFreed) return Infinity;
    }
    const rateDue = this.origin.limits?.minimumRate?.due ?? Infinity;
    const due = Math.min(
      this.reader.due,
      this.writer.due,
      rateDue,
      this.#idleDue,
      this.#closeDue,
      this.#heartbeat?.due ?? Infinity,
      this.#paces?.due ?? Infinity,
      this.#stopping?.due ?? Infinity,
    );
    if (due > now || !isSure) return due;
    let next = Math.min(this.reader.look(now), this.writer.look(now), this.#lookAtRate(now));
    if (this.#idleDue <= now) {
      const came = this.limits.idleBy === "either" ? "came or went" : "came";
      this.fail(
        new GenericError(
          "timed-out",
          `Connection ended: no byte ${came} for ${this.idleTimeoutInMillis} ms`,
        ),
      );
    } else if (this.#closeDue <= now) {
      this.#giveUpClosing(now - this.#closeDue);
    }
    if (this.#heartbeat !== undefined) next = Math.min(next, this.#heartbeat.look(now));
    this.#stopping?.look(now);
    if (this.#stopping !== undefined) next = Math.min(next, this.#stopping.due);
    if (this.#state === "freed") next = Infinity;
    return Math.min(next, this.#idleDue, this.#closeDue, this.#paces?.due ?? Infinity);
  }

  /** Lets what was held back go on. The peer is not to blame that nothing moved during that time. */
  #goOn(paces: Paces, now: number): void {
    if (paces.read?.isHolding === true) this.onReceived();
    if (paces.write?.isHolding === true) this.onSent();
    paces.look(now);
    if (!this.isFreed) this.#stopping?.closeIfIdle();
  }

  #lookAtRate(now: number): number {
    const { limits } = this.origin;
    const rate = limits?.minimumRate;
    if (limits === undefined || rate === undefined) return Infinity;
    if (
      rate.due <= now && this.#state === "open" && rate.isTooSlow(now, this.reader.bytesArrived)
    ) {
      limits.onSlow();
      this.fail(
        new GenericError(
          "limit",
          `Connection ended: the peer sent less than ${rate.bytesPerSecond} bytes per second while ` +
            "a read waited for the rest of a message",
        ),
      );
    }
    return rate.due;
  }

  #giveUpClosing(lateInMillis: number): void {
    const { closeTimeoutInMillis } = this.limits;
    if (lateInMillis > 0 && !this.#hadItsTime) {
      // Flushing, ending and draining take turns of the runtime.
      this.#hadItsTime = true;
      this.#closeDue = this.clock.now() + Math.min(lateInMillis, closeTimeoutInMillis);
      return;
    }
    const { queuedBytes } = this.writer;
    if (queuedBytes === 0) return this.#free(this.error, this.endedBy!);
    this.fail(
      new GenericError(
        "timed-out",
        `Cannot close: the peer did not take ${queuedBytes} bytes within ${closeTimeoutInMillis} ms`,
      ),
    );
  }

  /** It ends by this, unless an error was there before: the first one counts. */
  #endBy(by: ConnectionEnd["by"], error: SocketError | undefined): void {
    const first = this.#ending?.error ?? this.#blamed;
    this.#ending = first === undefined
      ? { by, error, isOver: false }
      : { by: "error", error: first, isOver: false };
  }

  #free(error: SocketError | undefined, by: ConnectionEnd["by"], isAbort = false): void {
    if (this.#state === "freed") return;
    const wasOpen = this.#state === "open";
    this.#state = "freed";
    this.#heartbeat = undefined;
    this.#endBy(by, error);
    this.#idleDue = this.#closeDue = Infinity;
    this.#timer?.stop();
    // The transport may be freed already, by the code that passed it in.
    if (isAbort) cut(this.#transport);
    else free(this.#transport);
    this.reader.inflow.retire();
    if (error !== undefined) {
      this.reader.fail(error, !isAbort && wasOpen);
      this.writer.fail(error);
    } else {
      this.writer.fail(() => closedError("write"));
    }
    this.#freed?.resolve();
    this.#signalEnd();
    const attendant = this.#attendant;
    if (attendant === undefined) return this.settle(this.error);
    if (isAbort) this.depart(this.error);
    attendant.onFreed(error);
  }
}
