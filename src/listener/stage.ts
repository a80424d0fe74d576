// What a stream has to get through before it is handed out: a header, a handshake. Many at a time, with a limit,
// and an error that is told.
//
// Decision record: who goes where there are too many. To hold a connection open without a word costs nobody
// anything, so a thousand of those must not keep honest clients waiting: they go first, whoever has been silent
// longest before the others. A tenth of a second is left to each, since a client of a rush has said something that
// was not read yet. Where all have said something it is the one who did so longest ago, after a second: a rush of
// honest clients waits, and does not push itself out.

import { GenericError } from "../base/errors.ts";
import type { StageCounts } from "./guard/listener_stats.ts";
import { type InLine, Line } from "./line.ts";
import { whenLooked } from "../network/deadline.ts";
import type { Clock, TimerId } from "../network/network.ts";

/** How long somebody may be silent, or take, before he makes room for another one, where there is none. */
const SILENCE_IN_MILLIS = 100;
const GRACE_IN_MILLIS = 1_000;

/** What happens at a stage. */
export interface StageWork<Item> {
  /** How many may be at it. */
  readonly limit: number;
  /** Whether somebody has to get through it. */
  concerns(item: Item): boolean;
  /**
   * Takes somebody through it.
   *
   * @param item Who it is. Where this rejects, his stream is freed.
   * @param signal Gives up.
   * @param onWord To be called when he has said something.
   * @returns What goes on from here; `undefined` where he was refused, which was told, and his stream freed.
   */
  pass(item: Item, signal: AbortSignal, onWord: () => void): Promise<Item | undefined>;
  /** Told of each who did not get through, but for a stop. */
  onFailed(error: unknown, item: Item): void;
  /** Whether what went on from here has done what is counted; so has all, where it is left out. */
  counts?(passed: Item): boolean;
}

/** How somebody got on at a stage: through it, not through it, or up to a stop, which is nobody's fault. */
export type StageOutcome<Item> = { readonly passed: Item } | "failed" | "stopped";

/** A place at a stage. */
export class StagePlace implements InLine<StagePlace> {
  /** Gives up whoever has it. */
  readonly controller = new AbortController();
  /** When he came, or has said his first word. */
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

/** One stage, over all starts and stops of what it belongs to. */
export class Stage<Item> {
  readonly #work: StageWork<Item>;
  readonly #clock: Clock;
  readonly #silent = new Line<StagePlace>();
  readonly #spoken = new Line<StagePlace>();
  /** Those who wait for a place, the first first. */
  readonly #waiting: ((place: StagePlace) => void)[] = [];
  /** Those who pass elsewhere. */
  #besides = 0;
  #completed = 0;
  #failed = 0;
  #timer: TimerId | undefined;
  #isLooking = false;

  /** @param work What happens at it. @param clock The time it goes by. */
  constructor(work: StageWork<Item>, clock: Clock) {
    this.#work = work;
    this.#clock = clock;
  }

  /** How it goes. */
  get counts(): StageCounts {
    const underWay = this.#silent.length + this.#spoken.length + this.#besides;
    return { underWay, completed: this.#completed, failed: this.#failed };
  }

  /** Whether somebody has to get through it. */
  concerns(item: Item): boolean {
    return this.#work.concerns(item);
  }

  /** Waits for a place, which must then be passed. */
  place(): StagePlace | Promise<StagePlace> {
    const isFree = this.#waiting.length === 0 && this.#hasRoom();
    return isFree ? this.#take() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Takes somebody through, who gives his place back at the end. Where he fails, his stream is freed. */
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
   * Counts somebody who passes elsewhere, in the middle of a conversation: he takes nobody's place.
   *
   * @param passing Resolves when he is through.
   * @param gone Resolves when what he passes on is gone: then it is over, though an engine may be long in noticing.
   * @param isStopped Whether it was given up by this side, which is nobody's fault.
   * @param onFailed Told where he fails.
   */
  count(
    passing: Promise<unknown>,
    gone: Promise<void>,
    isStopped: () => boolean,
    onFailed: (error?: unknown) => void,
  ): void {
    this.#besides++;
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

  /** Gives a place back. Doing so twice is doing it once. */
  leave(place: StagePlace): void {
    place.line?.remove(place);
    place.line = undefined;
    this.#giveOut();
  }

  /** Gives up those at it for a stop: all of them, or those who have said nothing. */
  stop(reason: unknown, which: "all" | "silent"): void {
    for (const place of [...this.#silent, ...(which === "all" ? this.#spoken : [])]) {
      place.isStopped = true;
      place.controller.abort(reason);
    }
    if (which === "silent") return;
    // Whoever still waits finds that it is over.
    while (this.#waiting.length > 0) this.#waiting.shift()!(this.#take());
    this.#clearTimer();
  }

  #take(): StagePlace {
    const place = new StagePlace(this.#clock.now());
    this.#enter(place, this.#silent);
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
   * Whether another one may come, if need be instead of one who goes: as far as all that was said by then was heard.
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

  /** The program may have been busy: who seems to be silent may have spoken, and who has spoken may be through. */
  #hear(now: number): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    whenLooked(this.#clock, () => {
      this.#isLooking = false;
      this.#giveOut(now);
    });
  }
}
