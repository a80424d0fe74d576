// How connections are let in: the one place where they wait to be taken.
//
//   accept() --> acceptor --> guard.enter() --> stages, many at a time --> ready, while there is room
//
// A stage takes a stream through something slow, a header or a handshake. A slow client delays nobody: all stages run
// at the same time, and beside the next accept. A client on its way in takes no place of an open connection. Nothing is
// accepted while no call waits; connections stay in the system's backlog. Only a stop accepts what arrived before it.

import { endOf } from "../base/address.ts";
import type { Acceptor } from "./acceptor.ts";
import { MAX_INTERVAL_IN_MILLIS } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { uniqueId } from "../base/unique_id.ts";
import { young } from "../base/young.ts";
import { cut } from "../network/free.ts";
import type { Admission, Guard } from "./guard/guard.ts";
import { type InLine, Line } from "./line.ts";
import type { Clock, TimerId, Transport } from "../network/network.ts";
import type { Patience } from "./patience.ts";
import type { Stage } from "./stage.ts";

/** So long clients that arrived before a stop are counted after its deadline, or in a hurry. */
const LAST_MOMENT_IN_MILLIS = 1_000;

/** What an intake needs. */
export interface IntakeOptions {
  /** What it accepts from, and closes. */
  readonly acceptor: Acceptor;
  /** Decides who is let in. */
  readonly guard: Guard;
  /** What every connection has to pass, in this order. */
  readonly stages: readonly Stage<Admission>[];
  /** The time for pauses. */
  readonly clock: Clock;
  /** Whether connections will be taken, now or soon. */
  readonly isWanted: () => boolean;
  /** Whether nobody shall be accepted or handed out for now. */
  readonly isSuspended: () => boolean;
}

/** How a stop finds out which connections arrived before it. */
export interface LastCall {
  /** Resolves when the runtime has looked at its sockets, and what was ready has been given out. */
  readonly looked: () => Promise<void>;
  /** How many connections the system may have kept; 0 if the socket is shared. */
  readonly backlog: number;
  /** How long clients that have sent nothing may still begin what a stage waits for; not at all unless given. */
  readonly newForInMillis?: number;
}

/** A client on its way in. */
class Comer implements InLine<Comer> {
  admission: Admission;
  /** Whether a stop has counted it as never taken. */
  isCounted = false;
  before: Comer | undefined;
  behind: Comer | undefined;

  constructor(admission: Admission) {
    this.admission = admission;
  }
}

/** Hands out the connections of one bound socket that its guard lets in, one at a time. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #ready: Admission[] = [];
  readonly #comers = new Line<Comer>();
  /** How many of them wait for a place at a stage. */
  #queueing = 0;
  #whenPlaced: (() => void) | undefined;
  #isAccepting = false;
  /** A stop lets in whoever arrived before it, even if that was suspended. */
  #isFinishing = false;
  /** A stop takes all connections that the system has kept: how long it lets them in, and where their number ends. */
  #lastCall: { readonly patience: Patience; readonly end: number } | undefined;
  /** No more clients are accepted; those on their way may still be let in. */
  #isShut = false;
  #isClosed = false;
  #accepted = 0;
  readonly #neverTaken: Admission[] = [];
  /** How many were handed out to a call that has not gone on yet. */
  #inHand = 0;
  #failure: { readonly error: unknown } | undefined;
  /** The calls that wait in `accept`, the oldest first. */
  readonly #waiters: (() => void)[] = [];
  #endPause: (() => void) | undefined;
  #whenEmpty: (() => void) | undefined;
  #whenTaken: (() => void) | undefined;

  /** @param options What it needs. */
  constructor(options: IntakeOptions) {
    this.#options = options;
    options.guard.onRoom = young(() => {
      this.#endPause?.();
      this.#wakeOne();
    });
  }

  /**
   * Waits for the next connection that is let in. Calls are served in order: a service that was detached may still wait
   * when an iteration begins.
   *
   * @param isWanted Whether it is still waited for: looked at whenever {@linkcode Intake.onUnwanted} is called.
   * @returns The connection, or `undefined` when there will be none, or it is not wanted any more. It must be taken by {@linkcode Intake.onTaken}
   * or {@linkcode Intake.putBack} at once: a stop waits for that.
   * @throws {SocketError} An error that ends accepting for good.
   */
  async accept(isWanted?: () => boolean): Promise<Admission | undefined> {
    for (;;) {
      if (isWanted?.() === false) return undefined;
      if (this.#ready.length > 0 && this.#options.guard.hasRoom && !this.isHeld) {
        this.#inHand++;
        return this.#ready.shift();
      }
      if (this.#isClosed || this.#isShut && this.#isEmpty) return undefined;
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#acceptAtOnce()) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      void this.#acceptOn();
      await promise;
    }
  }

  /** The listener has taken a connection that was handed out. */
  onTaken(): void {
    if (--this.#inHand === 0) this.#whenTaken?.();
    this.#tellIfEmpty();
  }

  /** Takes a connection back that is not wanted now; the next accept gives it out. */
  putBack(admission: Admission): void {
    if (this.#isClosed) {
      this.#neverTaken.push(admission);
      this.#turnAway(admission);
      return this.onTaken();
    }
    this.#ready.unshift(admission);
    this.#wakeOne();
    this.onTaken();
  }

  /** Connections are no longer wanted. */
  onUnwanted(): void {
    this.#wakeAll();
    this.#tellIfEmpty();
  }

  /** It is no longer suspended. */
  onResumed(): void {
    this.#wakeAll();
  }

  /**
   * Stops gracefully: what the system has kept is accepted, and clients on their way may be let in, until the patience
   * ends. When it resolves the port is free, and no call waits any more.
   *
   * @param patience How long.
   * @param lastCall How to find out what arrived before.
   * @returns The connections that arrived and were never taken; they are freed.
   */
  async finish(patience: Patience, lastCall: LastCall): Promise<readonly Admission[]> {
    this.#isFinishing = true;
    this.#wakeAll();
    if (lastCall.backlog > 0 && (!patience.isOver || patience.isReported)) {
      await this.#acceptTheRest(patience, lastCall);
    }
    this.#isShut = true;
    this.#endPause?.();
    await patience.forLast(this.#options.acceptor.close());
    const stopped = new GenericError("closed", "The listener was stopped");
    const turnSilentAway = () => {
      for (const stage of this.#options.stages) stage.stop(stopped, "silent");
    };
    const { clock } = this.#options;
    const { newForInMillis = 0 } = lastCall;
    let timer: TimerId | undefined;
    if (newForInMillis > 0) timer = clock.setTimeout(turnSilentAway, newForInMillis);
    else turnSilentAway();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    this.#tellIfEmpty();
    await patience.for(promise);
    if (timer !== undefined) clock.clearTimeout(timer);
    this.#close(stopped);
    // This needs no patience: they are taken within this turn.
    if (this.#inHand > 0) await new Promise<void>((resolve) => this.#whenTaken = resolve);
    return this.#neverTaken.splice(0);
  }

  /**
   * Accepts what the system has kept, until a look at its sockets finds no more. When the patience is over they are
   * only counted, for a last moment: clients that never stop coming must not hold a stop.
   */
  async #acceptTheRest(patience: Patience, { looked, backlog }: LastCall): Promise<void> {
    // One was being accepted.
    const end = this.#accepted + backlog + 1;
    this.#lastCall = { patience, end };
    this.#endPause?.();
    void this.#acceptOn();
    const { acceptor, clock } = this.#options;
    let before: number | undefined;
    let due = Infinity;
    const isMore = () => this.#accepted !== before && this.#accepted < end;
    while (isMore() && !patience.isEnded && clock.now() < due) {
      const { rests, resting } = acceptor;
      // Out of descriptors: connections that end now give some back.
      if (resting !== undefined) await patience.for(resting);
      await patience.for(this.#placed());
      if (patience.isOver && due === Infinity) {
        due = clock.now() + LAST_MOMENT_IN_MILLIS;
        this.#endPause?.();
      }
      before = this.#accepted;
      await patience.forMoment(looked());
      // Nobody was accepted while it rested, or while clients waited for a place.
      if ((acceptor.rests > rests || this.#queueing > 0) && !patience.isOver) before = undefined;
    }
    this.#lastCall = undefined;
  }

  /** Resolves when no client waits for a place at a stage. */
  async #placed(): Promise<void> {
    if (this.#queueing > 0) await new Promise<void>((resolve) => this.#whenPlaced = resolve);
  }

  #close(reason: unknown): void {
    this.#isClosed = true;
    for (const comer of this.#comers) this.#countOut(comer);
    for (const stage of this.#options.stages) stage.stop(reason, "all");
    for (const admission of this.#ready.splice(0)) {
      this.#neverTaken.push(admission);
      this.#turnAway(admission);
    }
    this.#wakeAll();
  }

  /**
   * Whether no client is on its way, being taken, or waiting for a consumer that will take it. An accept under way
   * may still bring one, even while the socket closes.
   */
  get #isEmpty(): boolean {
    return !this.#isAccepting && this.#inHand === 0 && this.#comers.length === 0 &&
      (this.#ready.length === 0 || !this.#options.isWanted());
  }

  #tellIfEmpty(): void {
    if (!this.#isShut || !this.#isEmpty) return;
    this.#whenEmpty?.();
    this.#wakeAll();
  }

  /** Whether nobody may be accepted or handed out now. */
  get isHeld(): boolean {
    return !this.#isFinishing && this.#options.isSuspended();
  }

  #wakeOne(): void {
    this.#waiters.shift()?.();
  }

  #wakeAll(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Accepts one that waits already, without a promise. Returns whether there was one; perhaps it is not let in. */
  #acceptAtOnce(): boolean {
    if (this.#isAccepting || this.#waiters.length > 0) return false;
    if (this.#lastCall !== undefined || this.#isShut || this.isHeld || this.#delay() > 0) {
      return false;
    }
    const transport = this.#options.acceptor.tryAccept();
    if (transport === undefined) return false;
    this.#accepted++;
    this.#enter(transport);
    return true;
  }

  /** Accepts while a call waits. */
  async #acceptOn(): Promise<void> {
    if (this.#isAccepting) return;
    this.#isAccepting = true;
    const { acceptor } = this.#options;
    try {
      while (!this.#isShut && !this.isHeld && this.#wantsMore) {
        const delay = this.#delay();
        if (delay > 0) {
          await this.#pause(delay);
          continue;
        }
        const transport = await acceptor.accept();
        if (transport === undefined) break;
        this.#accepted++;
        this.#enter(transport);
      }
    } catch (error) {
      this.#failure = { error };
      this.#wakeAll();
    } finally {
      this.#isAccepting = false;
      this.#tellIfEmpty();
    }
  }

  get #wantsMore(): boolean {
    return this.#lastCall ? this.#accepted < this.#lastCall.end : this.#waiters.length > 0;
  }

  /** How long to wait before the next client is accepted. */
  #delay(): number {
    // They are not let in any more.
    if (this.#lastCall?.patience.isOver) return 0;
    // Clients that wait at a stage come first, or their number would not be bounded.
    if (this.#queueing > 0) return Infinity;
    return this.#lastCall ? 0 : this.#options.guard.acceptDelay();
  }

  /** Waits until accepting may succeed. */
  async #pause(delayInMillis: number): Promise<void> {
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endPause = resolve;
    const timer = delayInMillis === Infinity ? undefined : clock.setTimeout(
      resolve,
      Math.min(Math.ceil(delayInMillis), MAX_INTERVAL_IN_MILLIS),
    );
    await promise;
    this.#endPause = undefined;
    if (timer !== undefined) clock.clearTimeout(timer);
  }

  #enter(transport: Transport): void {
    const peer = endOf(transport, "remoteAddr");
    // A stream of the user's own that does not know its peer any more: it has gone.
    if (peer === undefined) return cut(transport);
    const pass = this.#options.guard.enter(peer, uniqueId());
    if (pass === undefined) return cut(transport);
    const admission = { transport, pass, acceptedAt: Math.round(this.#options.clock.now()) };
    if (this.#lastCall?.patience.isOver) {
      this.#neverTaken.push(admission);
      return this.#turnAway(admission);
    }
    const needsStage = this.#options.stages.some((stage) => stage.concerns(admission));
    if (needsStage) void this.#comeIn(new Comer(admission));
    else this.#letIn(admission);
  }

  async #comeIn(comer: Comer): Promise<void> {
    this.#comers.append(comer);
    const isThrough = await this.#getThrough(comer);
    this.#comers.remove(comer);
    if (isThrough && !this.#isClosed) return this.#letIn(comer.admission);
    // A stage frees the stream of a client that fails.
    if (isThrough) cut(comer.admission.transport);
    this.#options.guard.leave(comer.admission.pass);
    this.#tellIfEmpty();
  }

  /** Takes a client through all stages that concern it. Returns whether it has passed. */
  async #getThrough(comer: Comer): Promise<boolean> {
    for (const stage of this.#options.stages) {
      if (!stage.concerns(comer.admission)) continue;
      let place = stage.place();
      if (place instanceof Promise) {
        this.#queueing++;
        place = await place;
        if (--this.#queueing === 0) this.#whenPlaced?.();
        this.#endPause?.();
      }
      if (this.#isClosed) {
        stage.leave(place);
        return true;
      }
      const outcome = await stage.pass(place, comer.admission);
      if (outcome === "stopped") this.#countOut(comer);
      if (outcome === "stopped" || outcome === "failed") return false;
      comer.admission = outcome.passed;
    }
    return true;
  }

  #countOut(comer: Comer): void {
    if (!comer.isCounted) this.#neverTaken.push(comer.admission);
    comer.isCounted = true;
  }

  #letIn(admission: Admission): void {
    this.#ready.push(admission);
    this.#wakeOne();
    this.#tellIfEmpty();
  }

  #turnAway({ transport, pass }: Admission): void {
    cut(transport);
    this.#options.guard.leave(pass);
  }
}
