// The life of a listener, of streams or of datagrams:
//
//   new --start()--> open --gracefulStop() / immediateStop()--> stopped --start()--> ...
//
// Starts and stops happen in the order of the calls, awaited or not: a stop ends the start before it, and a start waits
// for the stop before it. The listener itself says what opening and stopping mean.

import { endOf, hostOf, type NetworkAddress, portOf } from "../base/address.ts";
import {
  checkInteger,
  checkInterval,
  checkSignal,
  MAX_INTERVAL_IN_MILLIS,
} from "../base/arguments.ts";
import { GenericError, ignore, type SocketError } from "../base/errors.ts";
import { optionNames, readOptions } from "../base/options.ts";
import type { Clock } from "../network/network.ts";
import { Opening } from "./opening.ts";
import { Grace, Patience } from "./patience.ts";

/** How a stop goes. */
export interface StopOptions {
  /**
   * How long calls under way may go on, in milliseconds, after accepting has ended; then their connections are aborted.
   * The earliest deadline that any call has asked for counts, from that call on: a further `gracefulStop()` brings it
   * forward, and so do `await using` and the config's `signal`, but nothing puts it off. That holds for a stop under
   * way also where a `start()` waits for its end. From 1, or `Infinity`.
   *
   * @default the listener's `stopDeadlineInMillis`
   */
  readonly deadlineInMillis?: number;
  /**
   * How long everything goes on as before, in milliseconds: a load balancer goes on sending until it has noticed that
   * {@linkcode Listener.stopping} was aborted. Nothing closes meanwhile. The shortest time that any call has asked for
   * counts, from that call on: a further `gracefulStop()` without this option ends it. From 0 to 2_147_483_647.
   *
   * @default {0}
   */
  readonly acceptForInMillis?: number;
  /** Its abort ends the time for both: the rest is aborted at once, and the report is there. */
  readonly signal?: AbortSignal;
}

const STOP_OPTIONS = optionNames<StopOptions>({
  deadlineInMillis: true,
  acceptForInMillis: true,
  signal: true,
});

/** How long a stop may take that says nothing about it. */
const STOP_DEADLINE_IN_MILLIS = 15_000;

/** Checks how long a stop may take that says nothing about it. */
export function checkStopDeadline(stopDeadlineInMillis = STOP_DEADLINE_IN_MILLIS): number {
  return checkInterval("stopDeadlineInMillis", stopDeadlineInMillis);
}

/** What was cut by a stop. */
export interface CutOff {
  /** The `id` of the connection or session; `undefined` if no service or iteration got it. */
  readonly id: number | undefined;
  /** The peer's address. */
  readonly remoteAddress: string;
  /** The peer's port, or 0 if it has none. */
  readonly remotePort: number;
  /**
   * Why: `"deadline"`: it was not done in time; `"hurried"`: `immediateStop` or the signal of the stop did not wait for
   * it; `"not-taken"`: it had arrived, and no service or iteration got it. A `UdpListener` also names each peer to whom
   * datagrams still waited to be sent, without an `id` where it has no session.
   */
  readonly reason: "deadline" | "hurried" | "not-taken";
}

/** How a stop went. */
export interface StopReport {
  /**
   * How many connections were not cut: those open when accepting began to end, after `acceptForInMillis`, and those
   * accepted since. The stop has closed them when they had nothing to do, or they have ended otherwise: by themselves,
   * by their peer, by an error. Those that ended before that, during `acceptForInMillis` too, are in `stats()` only;
   * but one for which a call still goes on has not ended here, also if the program has aborted it.
   * A `UdpListener` counts sessions, and the calls that it made meanwhile for datagrams without a session.
   */
  readonly completed: number;
  /** How many were cut: the length of `cut`. */
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

/** Whom a stop has cut. */
export function peerOf(transport: { readonly remoteAddr: NetworkAddress }): NetworkAddress {
  return endOf(transport, "remoteAddr") ?? { transport: "tcp", hostname: "", port: 0 };
}

export function stopReport(completed: number, cut: readonly CutOff[]): StopReport {
  return { completed, aborted: cut.length, cut };
}

/** Can be opened and shut. */
export interface Openable {
  /** Opens it. If that fails, nothing is left open. */
  open(): Promise<void>;
  /** Shuts it gracefully until the patience ends, then at once. It may not be open. */
  shut(patience: Patience): Promise<StopReport>;
  /** A stop of it begins. */
  onStopping?(): void;
  /** It is no longer open, for any reason; with the error if there is one. */
  onEnd?(error?: SocketError): void;
}

/** A stop under way. */
interface Stop {
  /** Resolves when it is over. */
  readonly report: Promise<StopReport>;
  /** How long it lets everything go on. */
  readonly grace: Grace;
  /** Lets it, and all stops before it, last no longer than that, from now, or from the end of the grace. */
  endIn(deadlineInMillis: number, acceptForInMillis: number): void;
  /** Ends its grace and its patience. */
  hurry(): void;
  /** Somebody gets the report: it names all, also in a hurry. */
  wantReport(): void;
}

/** A start under way, or over. */
interface Start {
  readonly opening: Opening;
  /** Settles when nothing more comes of it. */
  readonly done: Promise<void>;
  /** As `done`, but rejects when it was given up. */
  readonly result: Promise<void>;
}

/** What a life goes by. */
export interface LifeSettings {
  /** The time for deadlines. */
  readonly clock: Clock;
  /** Its abort is a graceful stop. */
  readonly signal: AbortSignal | undefined;
  /** How long a stop may take that says nothing about it. */
  readonly stopDeadlineInMillis: number;
}

/** The life of one listener. */
export class LifeCycle {
  readonly #openable: Openable;
  readonly #settings: LifeSettings;
  readonly #onAbort = () => void this.gracefulStop();
  #starting: Start | undefined;
  /** A start that was given up, until nothing is left of it. */
  #late: Promise<void> | undefined;
  #stop: Stop | undefined;
  #closed = Promise.withResolvers<SocketError | undefined>();
  #hasClosed = false;
  #stopping = new AbortController();

  /** @param openable What is opened and shut. @param settings What it goes by. */
  constructor(openable: Openable, settings: LifeSettings) {
    this.#openable = openable;
    this.#settings = settings;
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

  /** Aborts as soon as a stop is asked for, or it is no longer open for another reason; a new one after each start. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Opens it. Starting twice is one start. */
  async start(): Promise<void> {
    if (this.#starting === undefined) {
      // Set before any await: a stop that is asked for from now on stops this start.
      const opening = new Opening(this.#settings.clock);
      const done = this.#start(this.#stop, opening);
      const result = opening.result(done).catch((error) => {
        if (this.#starting === starting) this.#starting = undefined;
        throw error;
      });
      const starting = this.#starting = { opening, done, result };
    }
    return await this.#starting.result;
  }

  async #start(before: Stop | undefined, opening: Opening): Promise<void> {
    // A stop under way ends first.
    await before?.report;
    opening.begin();
    if (this.#late !== undefined) await this.#late;
    if (opening.isGivenUp) return;
    if (this.#hasClosed) {
      this.#hasClosed = false;
      this.#closed = Promise.withResolvers();
      this.#stopping = new AbortController();
      // The next stop has been asked for already.
      if (this.#stop !== undefined) this.#announce();
    }
    const { clock, signal } = this.#settings;
    try {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", this.#onAbort, { once: true });
      await this.#openable.open();
    } catch (error) {
      if (!opening.isGivenUp) {
        this.#close(signal?.aborted === true ? undefined : error as SocketError);
      }
      throw error;
    }
    if (!opening.isGivenUp) return;
    const noTime = new Patience(clock, 0);
    noTime.end();
    await this.#openable.shut(noTime);
  }

  /** Waits for the start that a stop ends. Rejects where it has failed, or was given up. */
  async #awaitStart({ opening, done, result }: Start, timeoutInMillis: number): Promise<void> {
    await opening.wait(done, timeoutInMillis);
    if (opening.isGivenUp) this.#late = done.catch(ignore);
    await result;
  }

  /** Shuts it gracefully. Stopping twice is one stop, and the shortest times of the two count. */
  async gracefulStop(options: StopOptions = {}): Promise<StopReport> {
    const {
      deadlineInMillis = this.#settings.stopDeadlineInMillis,
      acceptForInMillis = 0,
      signal: given,
    } = readOptions<StopOptions>("options", options, STOP_OPTIONS);
    const deadline = checkInterval("deadlineInMillis", deadlineInMillis);
    const acceptFor = checkInteger(
      "acceptForInMillis",
      acceptForInMillis,
      0,
      MAX_INTERVAL_IN_MILLIS,
    );
    const signal = given === undefined ? undefined : checkSignal(given);
    const stop = this.#stopWithin(deadline, acceptFor);
    stop.wantReport();
    if (signal === undefined) return await stop.report;
    if (signal.aborted) stop.hurry();
    else signal.addEventListener("abort", stop.hurry, { once: true });
    try {
      return await stop.report;
    } finally {
      signal.removeEventListener("abort", stop.hurry);
    }
  }

  /** Shuts it at once. Also ends a graceful stop under way. */
  async immediateStop(): Promise<void> {
    const stop = this.#stopWithin(Infinity, 0);
    stop.hurry();
    await stop.report;
  }

  /** Its socket broke: it is no longer open, although nothing was asked for. */
  end(error: SocketError | undefined): void {
    // Nothing is left that could go on.
    this.#stop?.grace.end();
    if (this.#stop !== undefined || this.#hasClosed) return;
    this.#starting = undefined;
    this.#close(error);
  }

  /** The stop under way; or a new one after it, if a start was asked for since. */
  #stopWithin(deadlineInMillis: number, acceptForInMillis: number): Stop {
    const before = this.#stop;
    // Also where a start waits between the two: whoever stops something has only so long for all of it.
    before?.endIn(deadlineInMillis, acceptForInMillis);
    if (before !== undefined && this.#starting === undefined) return before;
    const starting = this.#starting;
    this.#starting = undefined;
    const { clock } = this.#settings;
    const grace = new Grace(clock);
    grace.endIn(acceptForInMillis);
    let isHurried = false;
    let isReported = false;
    let longestInMillis = deadlineInMillis;
    let patience: Patience | undefined;
    // What it waits for before it can shut anything takes of its time.
    const patient = grace.over().then(() => {
      patience = new Patience(clock, longestInMillis);
      patience.isReported = isReported;
      if (isHurried) patience.end();
      return patience;
    });
    const run = async () => {
      // Only what is open has anything to go on with.
      if (starting === undefined) grace.end();
      else await this.#awaitStart(starting, deadlineInMillis).catch(() => grace.end());
      this.#openable.onStopping?.();
      const patience = await patient;
      try {
        return await this.#openable.shut(patience);
      } finally {
        patience.end();
      }
    };
    const stop: Stop = {
      grace,
      endIn(deadlineInMillis, acceptForInMillis) {
        before?.endIn(deadlineInMillis, acceptForInMillis);
        grace.endIn(acceptForInMillis);
        longestInMillis = Math.min(longestInMillis, deadlineInMillis);
        starting?.opening.endIn(deadlineInMillis);
        patience?.endIn(deadlineInMillis);
      },
      hurry() {
        before?.hurry();
        isHurried = true;
        starting?.opening.hurry();
        grace.end();
        patience?.end();
      },
      wantReport() {
        isReported = true;
        if (patience !== undefined) patience.isReported = true;
      },
      report: run().finally(() => {
        if (this.#stop === stop) this.#stop = undefined;
        this.#close(undefined);
      }),
    };
    this.#stop = stop;
    this.#announce();
    return stop;
  }

  #close(error: SocketError | undefined): void {
    this.#settings.signal?.removeEventListener("abort", this.#onAbort);
    this.#hasClosed = true;
    this.#openable.onEnd?.(error);
    this.#closed.resolve(error);
    this.#announce(error);
  }

  /** Call this last: the code that hears of it may do anything. */
  #announce(error?: SocketError): void {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    this.#stopping.abort(error ?? new GenericError("closed", "The listener was stopped"));
  }
}
