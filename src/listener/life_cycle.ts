// The life of a listener, of streams or of datagrams:
//
//   new --start()--> open --gracefulStop() / immediateStop()--> stopped --start()--> ...
//
// Starts and stops happen in the order of the calls, awaited or not: a stop ends the start before it, and a start waits
// for the stop before it. The listener itself says what opening and stopping mean.

import { hostOf, type NetworkAddress, portOf } from "../base/address.ts";
import { checkInterval } from "../base/arguments.ts";
import { ignore, type SocketError } from "../base/errors.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { whenLooked } from "../network/deadline.ts";
import type { Clock, TimerId } from "../network/network.ts";

/** How long a stop may take. */
export interface StopOptions {
  /**
   * How long calls under way may go on, in milliseconds; then their connections are aborted.
   *
   * @default {15_000}
   */
  readonly deadlineInMillis?: number;
}

const STOP_OPTIONS = optionNames<StopOptions>({ deadlineInMillis: true });

/** What was cut by a stop. */
export interface CutOff {
  /** The `id` of the connection or session; `undefined` if no service or iteration got it. */
  readonly id: number | undefined;
  /** The peer's address. */
  readonly remoteAddress: string;
  /** The peer's port, or 0 if it has none. */
  readonly remotePort: number;
  /**
   * Why: `"deadline"`: it was not done in time; `"not-taken"`: it had arrived, and no service or iteration got it.
   */
  readonly reason: "deadline" | "not-taken";
}

/** How a stop went. */
export interface StopReport {
  /** How many connections ended by themselves. */
  readonly completed: number;
  /** How many were cut at the deadline, or had arrived and were never taken. */
  readonly aborted: number;
  /** The ones that were cut. */
  readonly cut: readonly CutOff[];
}

/** The report on a peer that a stop has cut. */
export function cutOff(
  id: number | undefined,
  peer: NetworkAddress,
  reason: CutOff["reason"],
): CutOff {
  return { id, remoteAddress: hostOf(peer), remotePort: portOf(peer), reason };
}

export function stopReport(completed: number, cut: readonly CutOff[]): StopReport {
  return { completed, aborted: cut.length, cut };
}

/** How long a stop under way goes on waiting for connections that will end by themselves. */
export class Patience {
  readonly #over = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #clock: Clock;
  readonly #timer: TimerId | undefined;
  #isOver = false;
  #isEnded = false;

  /** @param clock The time for it. @param deadlineInMillis How long it lasts, or `Infinity`. */
  constructor(clock: Clock, deadlineInMillis: number) {
    this.#clock = clock;
    if (deadlineInMillis !== Infinity) {
      // The program itself may have used up the time: what is over by now shall not be cut.
      const giveUp = () => whenLooked(clock, () => this.#giveUp());
      this.#timer = clock.setTimeout(giveUp, deadlineInMillis);
    }
  }

  /** Whether it is over, by its deadline or because it was ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it was ended: then not even a moment is waited for. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Ends it, and frees its timer. */
  end(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#giveUp();
    this.#isEnded = true;
    this.#ended.resolve();
  }

  #giveUp(): void {
    this.#isOver = true;
    this.#over.resolve();
  }

  /** Waits for something, or until it is over. */
  async for(something: Promise<unknown>): Promise<void> {
    if (!this.#isOver) await Promise.race([something, this.#over.promise]);
  }

  /** Waits for something that takes a moment, or until it was ended. */
  async forMoment(something: Promise<unknown>): Promise<void> {
    if (!this.#isEnded) await Promise.race([something, this.#ended.promise]);
  }
}

/** Can be opened and shut. */
export interface Openable {
  /** Opens it. If that fails, nothing is left open. */
  open(): Promise<void>;
  /** Shuts it gracefully until the patience ends, then at once. It may not be open. */
  shut(patience: Patience): Promise<StopReport>;
  /** It is no longer open, for any reason. */
  onEnd?(): void;
}

/** A stop under way. */
interface Stop {
  /** Resolves when it is over. */
  readonly report: Promise<StopReport>;
  /** Ends its patience. */
  hurry(): void;
}

/** The life of one listener. */
export class LifeCycle {
  readonly #openable: Openable;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.gracefulStop();
  #starting: Promise<void> | undefined;
  #stop: Stop | undefined;
  #closed = Promise.withResolvers<SocketError | undefined>();
  #hasClosed = false;

  /**
   * @param openable What is opened and shut.
   * @param clock The time for deadlines.
   * @param signal Its abort is a graceful stop.
   */
  constructor(openable: Openable, clock: Clock, signal: AbortSignal | undefined) {
    this.#openable = openable;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Resolves when it is no longer open, or could not be opened; with the error if there is one. */
  get closed(): Promise<SocketError | undefined> {
    return this.#closed.promise;
  }

  /** Whether it was open, or about to be, and no longer is. */
  get isOver(): boolean {
    return this.#hasClosed;
  }

  /** Whether a stop is under way. */
  get isStopping(): boolean {
    return this.#stop !== undefined;
  }

  /** Opens it. Starting twice is one start. */
  async start(): Promise<void> {
    if (this.#starting === undefined) {
      // Set before any await: a stop that is asked for from now on stops this start.
      const starting = this.#starting = this.#start(this.#stop).catch((error) => {
        if (this.#starting === starting) this.#starting = undefined;
        throw error;
      });
    }
    return await this.#starting;
  }

  async #start(before: Stop | undefined): Promise<void> {
    // A stop under way ends first.
    await before?.report;
    if (this.#hasClosed) {
      this.#hasClosed = false;
      this.#closed = Promise.withResolvers();
    }
    try {
      this.#signal?.throwIfAborted();
      await this.#openable.open();
    } catch (error) {
      this.#close(this.#signal?.aborted === true ? undefined : error as SocketError);
      throw error;
    }
    this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
    // Aborted while it was being opened.
    if (this.#signal?.aborted === true) this.#onAbort();
  }

  /** Shuts it gracefully. Stopping twice is one stop. */
  async gracefulStop(options: StopOptions = {}): Promise<StopReport> {
    const { deadlineInMillis = 15_000 } = readOptions<StopOptions>(
      "options",
      options,
      STOP_OPTIONS,
    );
    const deadline = checkInterval("deadlineInMillis", deadlineInMillis);
    return await this.#stopWithin(deadline).report;
  }

  /** Shuts it at once. Also ends a graceful stop under way. */
  async immediateStop(): Promise<void> {
    const stop = this.#stopWithin(Infinity);
    stop.hurry();
    await stop.report;
  }

  /** Its socket broke: it is no longer open, although nothing was asked for. */
  end(error: SocketError | undefined): void {
    if (this.#stop !== undefined || this.#hasClosed) return;
    this.#starting = undefined;
    this.#close(error);
  }

  /** The stop under way; or a new one after it, if a start was asked for since. */
  #stopWithin(deadlineInMillis: number): Stop {
    const before = this.#stop;
    if (before !== undefined && this.#starting === undefined) return before;
    const starting = this.#starting;
    this.#starting = undefined;
    let isHurried = false;
    let patience: Patience | undefined;
    const run = async () => {
      await starting?.catch(ignore);
      patience = new Patience(this.#clock, deadlineInMillis);
      if (isHurried) patience.end();
      try {
        return await this.#openable.shut(patience);
      } finally {
        patience.end();
      }
    };
    const stop: Stop = {
      hurry() {
        before?.hurry();
        isHurried = true;
        patience?.end();
      },
      report: run().finally(() => {
        if (this.#stop === stop) this.#stop = undefined;
        this.#close(undefined);
      }),
    };
    return this.#stop = stop;
  }

  #close(error: SocketError | undefined): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#hasClosed = true;
    this.#openable.onEnd?.();
    this.#closed.resolve(error);
  }
}
