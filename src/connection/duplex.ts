// One transport with its reader and its writer: how a connection lives and ends. Internal; the public face
// is Connection.
//
//   open --close()--> closing --flush, end, drain--> freed
//     \----------------abort(), a failure-----------/
//
// This is the one place that frees a transport.

import { closedError, GenericError, type SocketError } from "../base/errors.ts";
import type { MinimumRate } from "./minimum_rate.ts";
import type { ProxyHeader } from "../proxy/proxy_header.ts";
import type { Clock, Transport } from "../network/network.ts";
import { LazyTimer, type Looker } from "../network/lazy_timer.ts";
import { Reader, type ReaderHost } from "./reader.ts";
import type { Turns } from "../network/turns.ts";
import { Writer, type WriterHost, type WriterLimits } from "./writer.ts";

/** How a connection is bounded; every value is checked already. */
export interface DuplexLimits extends WriterLimits {
  /** The time that all timeouts go by. */
  readonly clock: Clock;
  /** When reads and writes are begun. */
  readonly turns: Turns;
  /** How long a read waits for the next byte. */
  readonly readTimeoutInMillis: number;
  /** How long no byte may come or go. */
  readonly idleTimeoutInMillis: number;
  /** How long a polite end may take. */
  readonly closeTimeoutInMillis: number;
  /** Whether a service's connection stays open for writes after the peer's end. */
  readonly allowHalfOpen: boolean;
  /** Whether bytes are lent until the next read. */
  readonly reuseReadBuffer: boolean;
}

/** A service that is called for a connection. */
export interface Attendant {
  /** Whether one of its methods is under way. */
  readonly isCalling: boolean;
  /** Whether the one under way is the first, in which its user may read in a loop of his own. */
  readonly isConnecting: boolean;
  /** Whether it reads; otherwise its user does, outside of its methods. */
  readonly isReading: boolean;
  /** The transport was freed. The attendant calls {@linkcode Duplex.leave} when it is done. */
  onFreed(error: SocketError | undefined): void;
}

/** Makes a stream secure, or frees it and rejects. */
export type Upgrade = (transport: Transport) => Promise<Transport>;

/** Checks and reads options; without any, those of the listener or client. */
export type PrepareUpgrade = (options: object | undefined) => Promise<Upgrade>;

/** Limits that a listener sets, for one of its connections or for all of them together. */
export interface ListenerLimits {
  /** How fast the peer must send; `undefined` for as slowly as it likes. */
  readonly minimumRate: MinimumRate | undefined;
  /** How fast that is, for the message. */
  readonly minBytesPerSecond: number;
  /** Whether so many bytes more may be queued. If so, they count from now on. */
  mayQueue(length: number): boolean;
  /** So many bytes are no longer queued. */
  onDequeued(length: number): void;
  /** The connection is ended for being slower. */
  onSlow(): void;
}

/** One transport, its reader, its writer and its life. */
export class Duplex implements ReaderHost, WriterHost, Looker {
  /** What bytes come from and go to; another one after an upgrade. */
  transport: Transport;
  readonly limits: DuplexLimits;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly reader: Reader;
  readonly writer: Writer;
  /** The service, where there is one. */
  attendant: Attendant | undefined;
  /** What its listener allows, where it has one that sets limits. */
  listenerLimits: ListenerLimits | undefined;
  /** What a proxy has said about the peer. */
  proxy: ProxyHeader | undefined;
  /** Checks and reads the options of an upgrade, and gives what makes a transport secure. */
  prepareUpgrade: PrepareUpgrade | undefined;
  /** Whether one is under way. */
  isUpgrading = false;
  /** Whether a stream may hold back what was written to it. */
  hasWritable = false;
  /** Where it is among its listener's, -1 where it is not. */
  place = -1;
  /** Called once, when the connection is no longer one of its listener's. */
  onLeave: (() => void) | undefined;
  /** Made when somebody asks: most connections are never asked. */
  #closed: PromiseWithResolvers<SocketError | undefined> | undefined;
  #freed: PromiseWithResolvers<void> | undefined;
  /** Everything is over, with what `closed` tells. */
  #outcome: { readonly error: SocketError | undefined } | undefined;
  readonly #timer: LazyTimer;
  #state: "open" | "closing" | "freed" = "open";
  /** What `closed` will tell. */
  #error: SocketError | undefined;
  #idleDue = Infinity;
  #closeDue = Infinity;
  /** Closing got the time in which the program was busy when it was due. */
  #hadItsTime = false;
  #isStopping = false;
  #isLooking = false;

  /** @param transport The open stream, which is freed with this. @param limits Its bounds. */
  constructor(transport: Transport, limits: DuplexLimits) {
    this.transport = transport;
    this.limits = limits;
    this.clock = limits.clock;
    this.turns = limits.turns;
    this.reader = new Reader(transport, this);
    this.writer = new Writer(transport, this, limits);
    this.#timer = new LazyTimer(limits.clock, this);
    try {
      // Nagle's algorithm costs 40 ms per small write that is followed by another; coalescing is ours.
      transport.setNoDelay?.(true);
    } catch { /* gone already: the first read or write tells */ }
    this.#touch();
  }

  /** Resolves when everything is over, with the error that ended it, if one did. */
  get closed(): Promise<SocketError | undefined> {
    this.#closed ??= Promise.withResolvers();
    if (this.#outcome !== undefined) this.#closed.resolve(this.#outcome.error);
    return this.#closed.promise;
  }

  /** Resolves when the transport is gone, before those who are called for it have settled. */
  get freed(): Promise<void> {
    if (this.#state === "freed") return Promise.resolve();
    return (this.#freed ??= Promise.withResolvers()).promise;
  }

  /** Whether neither `close` nor `abort` nor a failure has come. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether the transport is gone. */
  get isFreed(): boolean {
    return this.#state === "freed";
  }

  /** What ended or is ending the connection, if it is an error. */
  get error(): SocketError | undefined {
    return this.#error;
  }

  /**
   * Ends politely: what is queued goes out, the peer gets an end and time to read it.
   *
   * @param error What `closed` shall tell, where that is not the plain end.
   * @returns Resolves when the transport is freed.
   */
  close(error?: SocketError): Promise<void> {
    if (this.#state !== "open") return this.freed;
    this.#state = "closing";
    this.#error = error;
    this.#idleDue = Infinity;
    this.#closeDue = this.clock.now() + this.limits.closeTimeoutInMillis;
    this.lookBy(this.#closeDue);
    this.reader.fail(() => closedError("read"), false);
    // A failure on the way has freed the transport.
    this.writer.end().then(() => this.reader.drain()).then(() => this.#free(this.#error), () => {});
    return this.freed;
  }

  /** Frees the transport at once; what is queued or unread is gone. */
  abort(reason: unknown): void {
    if (this.#state === "freed") return;
    const error = new GenericError("aborted", "Aborted by this side", { cause: reason });
    this.#free(error, true);
  }

  /** Ends the connection with the error that made it useless. */
  fail(error: SocketError): void {
    if (this.#state !== "freed") this.#free(error);
  }

  /**
   * Gives up what is queued at once, and the connection as soon as whoever calls has returned: it may be in
   * the middle of a write of another one, where no handler must be called.
   */
  evict(error: SocketError): void {
    this.writer.fail(error);
    queueMicrotask(() => this.fail(error));
  }

  /** From now on the connection closes as soon as it has nothing to do with what has come by now. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.reader.catchUp();
    this.closeIfIdle();
  }

  /** Where a stop was asked for: closes unless something has come and is unread, queued or under way. */
  closeIfIdle(): void {
    if (!this.#isStopping || this.#state !== "open" || this.isUpgrading) return;
    const { attendant, reader, writer } = this;
    if (writer.queuedBytes > 0 || (reader.queue.length > 0 && !reader.hasOnlyLate)) return;
    // A loop of the user's within onConnect waits for what comes next; any other call is under way.
    if (attendant?.isCalling === true && !(attendant.isConnecting && reader.isWaiting)) return;
    if (reader.isWaiting) {
      if (reader.isCaughtUp) void this.close();
      else void this.#look();
      return;
    }
    // Nobody knows what somebody who has read and does not wait for more is busy with; but what a service
    // does with what it has read, it does in its methods.
    const isIdle = attendant !== undefined && (attendant.isReading || reader.bytesRead === 0);
    if (isIdle) void this.close();
  }

  /** What has come may not have been read yet: the runtime looks at its sockets first. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    await this.reader.lookForMore();
    this.#isLooking = false;
    this.closeIfIdle();
  }

  /** Takes the connection out of its listener. */
  leave(): void {
    const onLeave = this.onLeave;
    this.onLeave = undefined;
    onLeave?.();
  }

  /** Says that everything is over. */
  settle(error: SocketError | undefined): void {
    this.leave();
    this.#outcome = { error };
    this.#closed?.resolve(error);
  }

  /** Asks for a look at what is due, at that time or earlier. */
  lookBy(due: number): void {
    if (this.#state !== "freed") this.#timer.by(due);
  }

  onReceived(): void {
    this.#touch();
  }

  onSent(): void {
    this.#touch();
  }

  onDrained(): void {
    if (this.#isStopping) this.closeIfIdle();
  }

  onWait(): void {
    if (this.#isStopping) this.closeIfIdle();
  }

  onPartial(): void {
    const rate = this.listenerLimits?.minimumRate;
    if (rate === undefined) return;
    rate.wait(this.clock.now());
    this.lookBy(rate.due);
  }

  onWaitEnd(): void {
    this.listenerLimits?.minimumRate?.endWait(this.clock.now());
  }

  mayQueue(length: number): boolean {
    return this.listenerLimits?.mayQueue(length) ?? true;
  }

  onDequeued(length: number): void {
    this.listenerLimits?.onDequeued(length);
  }

  mayNeedLent(): boolean {
    return this.hasWritable || this.writer.queuedBytes > 0;
  }

  onReadEnd(): void {
    this.#freeIfOver();
  }

  onWriteEnd(): void {
    this.#freeIfOver();
  }

  onReadFailure(error: SocketError): void {
    // While it closes, the drain has ended with this, and nothing else depends on reading.
    if (this.#state === "open") this.fail(error);
  }

  onWriteFailure(error: SocketError): void {
    const isLost = error.code === "broken" && this.#state === "open";
    // A service could not answer any more.
    if (!isLost || this.attendant !== undefined) return this.fail(error);
    // What the peer sent before it was gone is not lost with it.
    this.writer.fail(error);
    void this.reader.rescue().then(() => this.fail(error));
  }

  /** A connection both of whose directions have ended is over. */
  #freeIfOver(): void {
    if (this.#state !== "open" || !this.writer.hasEnded) return;
    if (this.reader.hasEnded) this.#free(undefined);
    // Shut down from this side only: the peer may still send, and must not get a reset for it.
    else if (this.reader.isShut) void this.close();
  }

  #touch(): void {
    const { idleTimeoutInMillis } = this.limits;
    if (idleTimeoutInMillis === Infinity || this.#state !== "open") return;
    this.#idleDue = this.clock.now() + idleTimeoutInMillis;
    this.lookBy(this.#idleDue);
  }

  /** Ends what is due, and says when the next thing will be. */
  look(now: number, isSure: boolean): number {
    const rateDue = this.listenerLimits?.minimumRate?.due ?? Infinity;
    const due = Math.min(
      this.reader.due,
      this.writer.due,
      rateDue,
      this.#idleDue,
      this.#closeDue,
    );
    if (due > now || !isSure) return due;
    let next = Math.min(this.reader.look(now), this.writer.look(now), this.#lookAtRate(now));
    if (this.#idleDue <= now) {
      const { idleTimeoutInMillis } = this.limits;
      this.fail(
        new GenericError(
          "timed-out",
          `Connection ended: no byte came or went for ${idleTimeoutInMillis} ms`,
        ),
      );
    } else if (this.#closeDue <= now) {
      this.#giveUpClosing(now - this.#closeDue);
    }
    if (this.#state === "freed") next = Infinity;
    return Math.min(next, this.#idleDue, this.#closeDue);
  }

  #lookAtRate(now: number): number {
    const limits = this.listenerLimits;
    const rate = limits?.minimumRate;
    if (limits === undefined || rate === undefined) return Infinity;
    if (rate.due <= now && this.#state === "open" && rate.isTooSlow(now, this.reader.bytesRead)) {
      limits.onSlow();
      this.fail(
        new GenericError(
          "limit",
          `Connection ended: the peer sent less than ${limits.minBytesPerSecond} bytes per second while ` +
            "somebody waited for the rest of what had begun",
        ),
      );
    }
    return rate.due;
  }

  #giveUpClosing(lateInMillis: number): void {
    const { closeTimeoutInMillis } = this.limits;
    if (lateInMillis > 0 && !this.#hadItsTime) {
      // To flush, end and drain takes turns.
      this.#hadItsTime = true;
      this.#closeDue = this.clock.now() + Math.min(lateInMillis, closeTimeoutInMillis);
      return;
    }
    const { queuedBytes } = this.writer;
    if (queuedBytes === 0) return this.#free(this.#error);
    this.#free(
      new GenericError(
        "timed-out",
        `Cannot close: the peer did not take ${queuedBytes} bytes within ${closeTimeoutInMillis} ms`,
      ),
    );
  }

  #free(error: SocketError | undefined, isAbort = false): void {
    if (this.#state === "freed") return;
    const wasOpen = this.#state === "open";
    this.#state = "freed";
    this.#error = error;
    this.#idleDue = this.#closeDue = Infinity;
    this.#timer.stop();
    try {
      if (isAbort && this.transport.reset !== undefined) this.transport.reset();
      else this.transport.close();
    } catch { /* freed already, by whoever gave it to us */ }
    if (error !== undefined) {
      this.reader.fail(error, !isAbort && wasOpen);
      this.writer.fail(error);
    } else {
      this.writer.fail(() => closedError("write"));
    }
    this.#freed?.resolve();
    if (isAbort || this.attendant === undefined) this.leave();
    if (this.attendant === undefined) this.settle(error);
    else this.attendant.onFreed(error);
  }
}
