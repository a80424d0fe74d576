// How connections come in: the one place where they wait to be taken.
//
//   accept() --> acceptor --> guard.enter() --> stages, many at a time --> ready, while there is room
//
// A stage takes a stream through something that takes a while, a header or a handshake. Nobody waits for a slow
// one: they go on beside each other and beside the next accept. Who is on his way holds no place of those that are
// open. Nothing is accepted while nobody waits, the system's backlog does; but for a stop, which takes what has
// come before it.

import type { Acceptor } from "./acceptor.ts";
import { MAX_INTERVAL_IN_MILLIS } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { cut } from "../network/free.ts";
import type { Admission, Guard } from "./guard/guard.ts";
import type { Patience } from "./life_cycle.ts";
import { type InLine, Line } from "./line.ts";
import type { Clock, Transport } from "../network/network.ts";
import type { Stage } from "./stage.ts";

/** What an intake works with. */
export interface IntakeOptions {
  /** What it accepts from, and closes. */
  readonly acceptor: Acceptor;
  /** Who decides. */
  readonly guard: Guard;
  /** What everybody has to get through, in this order. */
  readonly stages: readonly Stage<Admission>[];
  /** The time that pauses go by. */
  readonly clock: Clock;
  /** Whether somebody takes what comes, now or soon. */
  readonly isWanted: () => boolean;
}

/** How a stop learns what has come before it. */
export interface LastCall {
  /** Resolves when the runtime has looked at its sockets, and what was ready has been given out. */
  readonly looked: () => Promise<void>;
  /** How many connections the system may have kept; 0 where they are somebody else's. */
  readonly backlog: number;
}

/** Somebody on his way in. */
class Comer implements InLine<Comer> {
  admission: Admission;
  /** Whether a stop has counted him as never taken. */
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
  #isAccepting = false;
  /** A stop takes whatever the system has kept. */
  #isLastCall = false;
  /** Nobody else comes; who is on his way may still get in. */
  #isShut = false;
  #isClosed = false;
  #accepted = 0;
  readonly #neverTaken: Admission[] = [];
  /** How many were handed out, and whoever waited for them has not gone on yet. */
  #inHand = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Those who wait in `accept`, the first first. */
  readonly #waiters: (() => void)[] = [];
  #endPause: (() => void) | undefined;
  #whenEmpty: (() => void) | undefined;
  #whenTaken: (() => void) | undefined;

  /** @param options What it works with. */
  constructor(options: IntakeOptions) {
    this.#options = options;
    options.guard.onRoom = () => {
      this.#endPause?.();
      this.#wakeOne();
    };
  }

  /**
   * Waits for the next connection that is let in. Who asks while another one still waits comes after it: a
   * service that was detached has not given its place up yet when an iteration begins.
   *
   * @param isWanted Whether it is still waited for: looked at whenever {@linkcode Intake.onUnwanted} is called.
   * @returns The connection, or `undefined` when there will be none, or it is not wanted any more. It must be taken by {@linkcode Intake.onTaken}
   * or {@linkcode Intake.putBack} at once: a stop waits for that.
   * @throws {SocketError} An error that ends accepting for good.
   */
  async accept(isWanted?: () => boolean): Promise<Admission | undefined> {
    for (;;) {
      if (isWanted?.() === false) return undefined;
      if (this.#ready.length > 0 && this.#options.guard.hasRoom) {
        this.#inHand++;
        return this.#ready.shift();
      }
      if (this.#isClosed || this.#isShut && this.#isEmpty) return undefined;
      if (this.#failure !== undefined) throw this.#failure.error;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      void this.#acceptOn();
      await promise;
    }
  }

  /** A connection that was handed out is its listener's. */
  onTaken(): void {
    if (--this.#inHand === 0) this.#whenTaken?.();
    this.#tellIfEmpty();
  }

  /** Takes a connection back that nobody wants now; the next accept gives it out. */
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

  /** Somebody who took connections does not any more. */
  onUnwanted(): void {
    for (const wake of this.#waiters.splice(0)) wake();
    this.#tellIfEmpty();
  }

  /**
   * Stops in good order: what the system has kept is accepted, and who is on his way may get in, as long as the
   * patience lasts. When it resolves the port is free, and nobody waits any more.
   *
   * @param patience How long.
   * @param lastCall How to know what has come before.
   * @returns Those who had come and were never taken; they are freed.
   */
  async finish(patience: Patience, lastCall: LastCall): Promise<readonly Admission[]> {
    if (lastCall.backlog > 0 && !patience.isOver) await this.#acceptTheRest(patience, lastCall);
    this.#isShut = true;
    this.#endPause?.();
    await this.#options.acceptor.close();
    const stopped = new GenericError("closed", "The listener was stopped");
    for (const stage of this.#options.stages) stage.stop(stopped, "silent");
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    this.#tellIfEmpty();
    await patience.for(promise);
    this.#close(stopped);
    // No patience is needed for those: they are taken within this turn.
    if (this.#inHand > 0) await new Promise<void>((resolve) => this.#whenTaken = resolve);
    return this.#neverTaken.splice(0);
  }

  /**
   * Accepts what the system has kept: until a look at its sockets has brought nobody. That is a matter of
   * milliseconds, and is done also where there is no time to serve them: so they are counted.
   */
  async #acceptTheRest(patience: Patience, { looked, backlog }: LastCall): Promise<void> {
    this.#isLastCall = true;
    this.#endPause?.();
    void this.#acceptOn();
    const { acceptor } = this.#options;
    const first = this.#accepted;
    let before: number | undefined;
    const isMore = () => this.#accepted !== before && this.#accepted - first <= backlog;
    while (isMore() && !patience.isEnded) {
      const { rests, resting } = acceptor;
      // Out of descriptors: what ends now gives some back.
      if (resting !== undefined) await patience.for(resting);
      before = this.#accepted;
      await patience.forMoment(looked());
      if (acceptor.rests > rests && !patience.isOver) before = undefined;
    }
    this.#isLastCall = false;
  }

  #close(reason: unknown): void {
    this.#isClosed = true;
    for (const comer of this.#comers) this.#countOut(comer);
    for (const stage of this.#options.stages) stage.stop(reason, "all");
    for (const admission of this.#ready.splice(0)) {
      this.#neverTaken.push(admission);
      this.#turnAway(admission);
    }
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Whether nobody is on his way, is being taken, or waits for somebody who will take him. */
  get #isEmpty(): boolean {
    return this.#inHand === 0 && this.#comers.length === 0 &&
      (this.#ready.length === 0 || !this.#options.isWanted());
  }

  #tellIfEmpty(): void {
    if (!this.#isShut || !this.#isEmpty) return;
    this.#whenEmpty?.();
    for (const wake of this.#waiters.splice(0)) wake();
  }

  #wakeOne(): void {
    this.#waiters.shift()?.();
  }

  /** Accepts as long as somebody waits. */
  async #acceptOn(): Promise<void> {
    if (this.#isAccepting) return;
    this.#isAccepting = true;
    const { acceptor, guard } = this.#options;
    try {
      while (!this.#isShut && (this.#waiters.length > 0 || this.#isLastCall)) {
        // Those who wait at a stage come first, or there would be no bound for them.
        const delay = this.#queueing > 0 ? Infinity : this.#isLastCall ? 0 : guard.acceptDelay();
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
      for (const wake of this.#waiters.splice(0)) wake();
    } finally {
      this.#isAccepting = false;
    }
  }

  /** Waits until it may make sense to accept. */
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
    const pass = this.#options.guard.enter(transport.remoteAddr);
    if (pass === undefined) return cut(transport);
    const admission = { transport, pass, acceptedAt: Math.round(this.#options.clock.now()) };
    const needsStage = this.#options.stages.some((stage) => stage.concerns(admission));
    if (needsStage) void this.#comeIn(new Comer(admission));
    else this.#letIn(admission);
  }

  async #comeIn(comer: Comer): Promise<void> {
    this.#comers.append(comer);
    const isThrough = await this.#getThrough(comer);
    this.#comers.remove(comer);
    if (isThrough && !this.#isClosed) return this.#letIn(comer.admission);
    // A stage frees whom it does not let through.
    if (isThrough) cut(comer.admission.transport);
    this.#options.guard.leave(comer.admission.pass);
    this.#tellIfEmpty();
  }

  /** Takes somebody through all stages that concern him. */
  async #getThrough(comer: Comer): Promise<boolean> {
    for (const stage of this.#options.stages) {
      if (!stage.concerns(comer.admission)) continue;
      let place = stage.place();
      if (place instanceof Promise) {
        this.#queueing++;
        place = await place;
        this.#queueing--;
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
