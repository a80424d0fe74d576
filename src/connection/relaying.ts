// Passes on what two connections send, each to the other, until both have ended or something ends the relay. It holds
// no bytes: a direction has them only until they have gone out.
//
// Invariants: the end of one direction leaves the other alone; of two reasons to end the first one counts; when the
// relay is over, both transports are freed and nothing is left behind.

import { GenericError, type SocketError } from "../base/errors.ts";
import { LazyTimer, type Looker } from "../network/lazy_timer.ts";
import { type ConnectionEnd, connectionEnd } from "./connection_end.ts";
import { Direction, type DirectionHost } from "./direction.ts";
import type { StreamCore } from "./stream_core.ts";

/** Options that were checked. */
export interface RelaySettings {
  readonly idle: number;
  readonly halfOpen: number;
  readonly duration: number;
  readonly bytes: number;
  readonly signal: AbortSignal | undefined;
}

/** Nothing is under way when nothing has passed for this time: mostly longer than it takes to send lost bytes again. */
const QUIET_IN_MILLIS = 250;
/** In so many the time goes in which nothing may pass. */
const PIECES = 8;

/** A relay between two connections. */
export class Relaying implements DirectionHost, Looker {
  /** From the first to the second. */
  readonly there: Direction;
  /** From the second to the first. */
  readonly back: Direction;
  readonly #settings: RelaySettings;
  readonly #timer: LazyTimer;
  readonly #begunAt: number;
  /** The time of the last bytes, if that matters. */
  #passedAt: number;
  #lookedAt: number;
  /** How many bytes the system had taken at the last look. */
  #takenBefore = 0;
  /** How many bytes have begun to pass. */
  #passed = 0;
  /** Which way the last ones went. */
  #last: Direction | undefined;
  /** At a stop: when it will be known whether anything passes, and how often something had come when that was asked. */
  #quietDue = Infinity;
  #cameBefore = 0;
  /** How often something had come when it became quiet. */
  #quietAt = -1;
  /** How often something had come at the last look. */
  #seenBefore = 0;
  /** A connection that is gone while what it has sent is still under way, and how long that is waited for. */
  #gone: StreamCore | undefined;
  #lastDue = Infinity;
  #end: { readonly by: ConnectionEnd["by"]; readonly error: SocketError | undefined } | undefined;

  /** @param a Nothing else uses it now. @param b Nor this one. @param settings When the relay ends. */
  constructor(a: StreamCore, b: StreamCore, settings: RelaySettings) {
    this.there = new Direction(a, b, this);
    this.back = new Direction(b, a, this);
    this.#settings = settings;
    this.#timer = new LazyTimer(a.clock, this);
    this.#begunAt = this.#passedAt = this.#lookedAt = a.clock.now();
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Passes on until all has ended. Then both are freed. */
  async run(): Promise<ConnectionEnd> {
    const { from: a, to: b } = this.there;
    const { signal } = this.#settings;
    const gone = [a, b].map(async (core) => {
      await core.freed;
      this.onGone(core);
    });
    signal?.addEventListener("abort", this.#onAbort);
    if (signal?.aborted === true) this.#onAbort();
    else this.#begin();
    await Promise.all(gone);
    this.#timer.stop();
    signal?.removeEventListener("abort", this.#onAbort);
    return this.#record(this.#end?.error ?? a.error ?? b.error);
  }

  #begin(): void {
    this.there.begin();
    if (!this.isOver) this.back.begin();
    if (!this.isOver) this.#timer.by(this.#due);
  }

  #record(error: SocketError | undefined): ConnectionEnd {
    let by = this.#end?.by ?? "peer";
    // It was ended politely, but a connection failed on the way.
    if (error !== this.#end?.error) by = "error";
    return connectionEnd(by, error, Math.round(this.there.from.clock.now() - this.#begunAt));
  }

  /** Ends both: politely, or at once if there is an error. */
  #finish(by: ConnectionEnd["by"], error?: SocketError): void {
    if (this.#end !== undefined) return;
    this.#end = { by, error };
    for (const core of [this.there.from, this.there.to]) {
      if (error === undefined) void core.close();
      // What one who has gone had sent before can still be read, once it is no longer relayed.
      else if (!core.isFreed) core.abort(error);
    }
  }

  readonly #onAbort = (): void => {
    const { reason } = this.#settings.signal!;
    const error = new GenericError("aborted", "Relay ended: its signal was aborted", {
      cause: reason,
    });
    this.#finish("local", error);
  };

  onGone(core: StreamCore): void {
    const [from, to] = core === this.there.from ? [this.there, this.back] : [this.back, this.there];
    // What the peer had sent before is not lost, if the other one takes it soon.
    const isPassing = from.isPassing || core.reader.isDue(from);
    if (isPassing && !from.to.isFreed) return this.#waitFor(from);
    // Both directions have ended: the other connection ends by itself.
    if (core.error === undefined && from.hasEnded && to.hasEnded) return;
    // While it is open, only a stop ends its reading.
    this.#finish(core.endedBy ?? "stop", core.error);
  }

  /** Gives what is under way as much time as a polite end has. */
  #waitFor({ from, to }: Direction): void {
    if (this.#gone !== undefined) return;
    this.#gone = from;
    this.#lastDue = from.clock.now() + to.limits.closeTimeoutInMillis;
    this.#timer.by(this.#lastDue);
  }

  onRefused(error: unknown): void {
    this.#finish("error", error as SocketError);
  }

  mayPass(direction: Direction, length: number): boolean {
    const { bytes } = this.#settings;
    if (this.#passed + length > bytes) {
      this.#finish(
        "error",
        new GenericError("limit", `Relay ended: more than ${bytes} bytes have come`),
      );
      return false;
    }
    this.#passed += length;
    this.#last = direction;
    this.#touch();
    return true;
  }

  onSent(): void {
    this.#touch();
  }

  onEnd(): void {
    this.#touch();
    this.#timer.by(this.#due);
  }

  #touch(): void {
    if (this.#quietLimit !== Infinity) this.#passedAt = this.there.from.clock.now();
  }

  isBusy(direction: Direction): boolean {
    const answers = direction === this.there ? this.back : this.there;
    if (this.#last === direction && !answers.hasEnded) return true;
    if (this.#quietAt === this.#came) return false;
    if (this.#quietDue === Infinity) {
      this.#cameBefore = this.#came;
      this.#quietDue = this.there.from.clock.now() + QUIET_IN_MILLIS;
      this.#timer.by(this.#quietDue);
    }
    return true;
  }

  /** How many times something has come, both ways. A part of what cannot be read yet is under way, too. */
  get #came(): number {
    return this.there.from.reader.inflow.arrivals + this.back.from.reader.inflow.arrivals;
  }

  /** How long nothing may pass at this stage. */
  get #quietLimit(): number {
    const { idle, halfOpen } = this.#settings;
    return this.there.hasEnded || this.back.hasEnded ? Math.min(idle, halfOpen) : idle;
  }

  get #due(): number {
    return Math.min(
      // What moves in parts is noticed only where it is looked for.
      this.#lookedAt + this.#quietLimit / PIECES,
      this.#quietDue,
      this.#lastDue,
      this.#passedAt + this.#quietLimit,
      this.#begunAt + this.#settings.duration,
    );
  }

  look(now: number, isSure: boolean): number {
    if (this.isOver) return Infinity;
    this.#lookedAt = now;
    this.#lookAtSlowOnes(now);
    if (this.#due > now || !isSure) return this.#due;
    if (this.#lastDue <= now) {
      this.#finish(this.#gone!.endedBy!, this.#gone!.error);
    } else if (this.#begunAt + this.#settings.duration <= now) {
      this.#timeOut(`it lasted for ${this.#settings.duration} ms`);
    } else if (this.#passedAt + this.#quietLimit <= now) {
      this.#timeOut(`no byte passed for ${this.#quietLimit} ms`);
    } else {
      this.#lookAtStop(now);
    }
    return this.isOver ? Infinity : this.#due;
  }

  /** A part of what is under way may have gone out: that is no silence. */
  #lookAtSlowOnes(now: number): void {
    const { from: a, to: b } = this.there;
    const taken = a.writer.bytesWritten + b.writer.bytesWritten;
    const isPassing = this.there.isPassing || this.back.isPassing;
    if (isPassing && taken !== this.#takenBefore) this.#passedAt = now;
    this.#takenBefore = taken;
    this.#lookAtArriving(now);
    // Nor is a pause that our own pace makes.
    this.#passedAt = Math.max(this.#passedAt, this.#heldAt(now));
  }

  /** Nor is a part of something that cannot be passed on yet. */
  #lookAtArriving(now: number): void {
    const [a, b] = [this.there.from.reader.inflow, this.back.from.reader.inflow];
    if (a.arrivingLength + b.arrivingLength === 0) return;
    const came = this.#came;
    if (came !== this.#seenBefore) this.#passedAt = now;
    this.#seenBefore = came;
  }

  #heldAt(now: number): number {
    return Math.max(this.there.from.heldAt(now), this.there.to.heldAt(now));
  }

  #timeOut(why: string): void {
    this.#finish("error", new GenericError("timed-out", `Relay ended: ${why}`));
  }

  /** Whether anything has passed since a stop asked. */
  #lookAtStop(now: number): void {
    this.#quietDue = this.#heldAt(now) + QUIET_IN_MILLIS;
    // What our own pace holds back has not been asked for yet.
    if (this.#quietDue > now) return;
    this.#quietDue = Infinity;
    if (this.#came === this.#cameBefore) this.#quietAt = this.#came;
    this.there.from.closeIfIdle();
    this.there.to.closeIfIdle();
  }
}
