// A step that a stream has to pass before it is handed out: a header, a handshake. Many run at a time, up to a limit,
// and failures are reported.
//
// Decision record: which client goes when there are too many. To hold a connection open without sending costs a client
// nothing, so a thousand of those must not keep honest clients waiting: they go first, the longest silent one before
// the others. Each gets a tenth of a second, since a client in a rush may have sent something that was not read yet. If
// all have sent something, the one that did so the longest ago goes, after a second: a rush of honest clients waits,
// and does not push itself out.

import { GenericError } from "../base/errors.ts";
import type { StageCounts } from "./guard/listener_stats.ts";
import { type InLine, Line } from "./line.ts";
import { whenLooked } from "../network/deadline.ts";
import type { Clock, TimerId } from "../network/network.ts";

/** How long a client may be silent, or take after its first bytes, before it must make room for another one. */
const SILENCE_IN_MILLIS = 100;
const GRACE_IN_MILLIS = 1_000;

/** The work of a stage. */
export interface StageWork<Item> {
  /** How many clients may be at the stage. */
  readonly limit: number;
  /** Whether a client has to pass the stage. */
  concerns(item: Item): boolean;
  /**
   * Takes a client through the stage.
   *
   * @param item The client. If this rejects, its stream is freed.
   * @param signal Gives up.
   * @param onWord To be called when the client has sent something.
   * @returns What goes on from here; `undefined` if the client was refused, which was reported, and its stream freed.
   */
  pass(item: Item, signal: AbortSignal, onWord: () => void): Promise<Item | undefined>;
  /** Called for each client that did not pass, except at a stop. */
  onFailed(error: unknown, item: Item): void;
  /** Whether a client that passed is counted; by default all are. */
  counts?(passed: Item): boolean;
}

/** The outcome for a client: passed, failed, or stopped, which is nobody's fault. */
export type StageOutcome<Item> = { readonly passed: Item } | "failed" | "stopped";

/** A place at a stage. */
export class StagePlace implements InLine<StagePlace> {
  /** Gives up the client that has the place. */
  readonly controller = new AbortController();
  /** When the client arrived, or sent its first bytes. */
  since: number;
  hasSpoken = false;
  /** It was given up by a stop. */
  isStopped = false;
  before: StagePlace | undefined;
  behind: StagePlace | undefined;
  /** The line it is in. */
  line: Line<StagePlace> | undefined;

  constructor(since: number) {
    this.since = since;
  }
}

/** One stage, for all starts and stops of its listener. */
export class Stage<Item> {
  readonly #work: StageWork<Item>;
  readonly #clock: Clock;
  readonly #silent = new Line<StagePlace>();
  readonly #spoken = new Line<StagePlace>();
  /** Those that wait for a place, the oldest first. */
  readonly #waiting: ((place: StagePlace) => void)[] = [];
  /** How many pass elsewhere. */
  #besides = 0;
  #peak = 0;
  #completed = 0;
  #failed = 0;
  #timer: TimerId | undefined;
  #isLooking = false;

  /** @param work What is done at the stage. @param clock The time for it. */
  constructor(work: StageWork<Item>, clock: Clock) {
    this.#work = work;
    this.#clock = clock;
  }

  /** How the stage is going. */
  get counts(): StageCounts {
    const [completed, failed] = [this.#completed, this.#failed];
    return { underWay: this.#underWay, peak: this.#peak, completed, failed };
  }

  get #underWay(): number {
    return this.#silent.length + this.#spoken.length + this.#besides;
  }

  #notePeak(): void {
    this.#peak = Math.max(this.#peak, this.#underWay);
  }

  /** Whether a client has to pass the stage. */
  concerns(item: Item): boolean {
    return this.#work.concerns(item);
  }

  /** Waits for a place, which must then be given to `pass`. */
  place(): StagePlace | Promise<StagePlace> {
    const isFree = this.#waiting.length === 0 && this.#hasRoom();
    return isFree ? this.#take() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Takes a client through, and its place back at the end. If it fails, its stream is freed. */
  async pass(place: StagePlace, item: Item): Promise<StageOutcome<Item>> {
    const { signal } = place.controller;
    try {
      const passed = await this.#work.pass(item, signal, () => this.#onWord(place));
      if (passed === undefined) this.#failed++;
      else if (this.#work.counts?.(passed) ?? true) this.#completed++;
      return passed === undefined ? "failed" : { passed };
    } catch (error) {
      if (place.isStopped) return "stopped";
      this.#failed++;
      this.#work.onFailed(error, item);
      return "failed";
    } finally {
      this.leave(place);
    }
  }

  /**
   * Counts a client that passes elsewhere, in the middle of a conversation: it takes no place.
   *
   * @param passing Resolves when the client has passed.
   * @param gone Resolves when the connection is gone: then it is over, though an engine may be long in noticing.
   * @param isStopped Whether this side gave it up, which is nobody's fault.
   * @param onFailed Called if the client fails.
   */
  count(
    passing: Promise<unknown>,
    gone: Promise<void>,
    isStopped: () => boolean,
    onFailed: (error?: unknown) => void,
  ): void {
    this.#besides++;
    this.#notePeak();
    let isOver = false;
    const end = (count: () => void) => {
      if (isOver) return;
      isOver = true;
      this.#besides--;
      count();
    };
    const fail = (error?: unknown) =>
      end(() => {
        if (isStopped()) return;
        this.#failed++;
        onFailed(error);
      });
    passing.then(() => end(() => this.#completed++), fail);
    // Not by way of a race: whoever waits for the end of the connection finds it counted.
    gone.then(() => fail());
  }

  /** Counts somebody who has failed elsewhere, before he could begin. */
  countFailed(): void {
    this.#failed++;
  }

  /** Gives a place back. Giving it back twice is the same as once. */
  leave(place: StagePlace): void {
    place.line?.remove(place);
    place.line = undefined;
    this.#giveOut();
  }

  /** Gives up the clients at the stage for a stop: all of them, or those that have sent nothing. */
  stop(reason: unknown, which: "all" | "silent"): void {
    for (const place of [...this.#silent, ...(which === "all" ? this.#spoken : [])]) {
      place.isStopped = true;
      place.controller.abort(reason);
    }
    if (which === "silent") return;
    // Those that still wait find out that it is over.
    while (this.#waiting.length > 0) this.#waiting.shift()!(this.#take());
    this.#clearTimer();
  }

  #take(): StagePlace {
    const place = new StagePlace(this.#clock.now());
    this.#enter(place, this.#silent);
    this.#notePeak();
    return place;
  }

  #enter(place: StagePlace, line: Line<StagePlace>): void {
    line.append(place);
    place.line = line;
  }

  #onWord(place: StagePlace): void {
    if (place.hasSpoken || place.line === undefined) return;
    place.hasSpoken = true;
    place.since = this.#clock.now();
    place.line.remove(place);
    this.#enter(place, this.#spoken);
  }

  #giveOut(heardUntil?: number): void {
    while (this.#waiting.length > 0 && this.#hasRoom(heardUntil)) {
      this.#waiting.shift()!(this.#take());
    }
    if (this.#waiting.length === 0) this.#clearTimer();
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Whether another client may come, in place of one that goes if needed. Bytes sent by then must have been read.
   */
  #hasRoom(heardUntil = this.#clock.looked === undefined ? Infinity : -Infinity): boolean {
    const { limit } = this.#work;
    if (this.#silent.length + this.#spoken.length < limit) return true;
    const next = (this.#silent.first ?? this.#spoken.first)!;
    const now = this.#clock.now();
    const age = now - next.since;
    const patience = next.hasSpoken ? GRACE_IN_MILLIS : SILENCE_IN_MILLIS;
    if (age < patience) {
      this.#timer ??= this.#clock.setTimeout(() => {
        this.#timer = undefined;
        this.#giveOut();
      }, Math.ceil(patience - age));
      return false;
    }
    if (next.since + patience > heardUntil) {
      this.#hear(now);
      return false;
    }
    next.line!.remove(next);
    next.line = undefined;
    const message = `Given up after ${Math.round(age)} ms: ${limit} were under way`;
    next.controller.abort(new GenericError("limit", message));
    return true;
  }

  /**
   * The program may have been busy: a client that seems silent may have sent bytes, and one that sent bytes may be
   * done.
   */
  #hear(now: number): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    whenLooked(this.#clock, () => {
      this.#isLooking = false;
      this.#giveOut(now);
    });
  }
}
