// What all parts of a simulated network share: its time, its chances, its record, and who can see whom.

import { plainTurns, type Turns } from "../src/network/turns.ts";
import type { Faults } from "./faults.ts";
import type { Random } from "./random.ts";
import { Trace } from "./trace.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** How long it may take until an operation completes. */
const LONGEST_COMPLETION_IN_MILLIS = 2;

/** One simulated world. */
export class World {
  /** The time of everything in it. */
  readonly clock: VirtualClock;
  /** Decides everything in it. */
  readonly random: Random;
  /** What happens in it. */
  readonly faults: Faults;
  /** Whether its streams and datagram sockets can do without a promise, too. */
  readonly canTry: boolean;
  /** No connection starves in it, and a look takes as long as the slowest completion. */
  readonly turns: Turns = {
    ...plainTurns,
    looked: async () => {
      await this.delay(LONGEST_COMPLETION_IN_MILLIS);
      // By now a busy program has heard of everything, and acted on it.
      await this.delay(0);
    },
  };
  /** What has happened in it. */
  readonly trace = new Trace();
  /** What was used in a way that a real system does not promise to survive. */
  readonly violations: string[] = [];
  /** Addresses of hosts that are switched off. */
  readonly #down = new Set<string>();
  readonly #names = new Map<string, string>();
  readonly #cuts = new Map<string, number>();
  #events = 0;

  constructor(clock: VirtualClock, random: Random, faults: Faults, canTry: boolean) {
    this.clock = clock;
    this.random = random;
    this.faults = faults;
    this.canTry = canTry;
  }

  /** Gives an address a name, for the record. */
  setName(address: string, name: string): void {
    this.#names.set(address, name);
  }

  /** The name of an address. */
  nameOf(address: string): string {
    return this.#names.get(address) ?? address;
  }

  /** How many timeouts of the clock are the network's own, and not its users'. */
  get ownTimeouts(): number {
    return this.#events;
  }

  /** Does something later. */
  after(delayInMillis: number, action: () => void): void {
    this.#events++;
    this.clock.setTimeout(() => {
      this.#events--;
      action();
    }, delayInMillis);
  }

  /** Waits. */
  delay(delayInMillis: number): Promise<void> {
    return new Promise((resolve) => this.after(delayInMillis, resolve));
  }

  /** Completes an operation whose result is known: at once, or a moment later. */
  complete(action: () => void): void {
    if (!this.random.chance(this.faults.slowCompletions)) return action();
    const isQuick = this.random.chance(0.5);
    this.after(isQuick ? 0 : this.random.next() * LONGEST_COMPLETION_IN_MILLIS, action);
  }

  /** Draws how long something travels. */
  latency(): number {
    const [least, most] = this.faults.latencyInMillis;
    return least === most ? least : least + this.random.next() * (most - least);
  }

  /** Records an event. */
  note(what: string): void {
    this.trace.add(`${this.clock.now().toFixed(3)} ${what}`);
  }

  /** Records wrong use and makes the error for it. */
  violation(what: string): Error {
    this.note(`VIOLATION ${what}`);
    this.violations.push(what);
    return new Error(what);
  }

  /** Separates two hosts; each call must be undone once. */
  cut(a: string, b: string): void {
    this.note(`cut ${this.nameOf(a)} ${this.nameOf(b)}`);
    this.#cuts.set(pair(a, b), (this.#cuts.get(pair(a, b)) ?? 0) + 1);
  }

  /** Undoes one cut. */
  mend(a: string, b: string): void {
    this.note(`mend ${this.nameOf(a)} ${this.nameOf(b)}`);
    const left = (this.#cuts.get(pair(a, b)) ?? 0) - 1;
    if (left > 0) this.#cuts.set(pair(a, b), left);
    else this.#cuts.delete(pair(a, b));
  }

  /** Undoes all cuts. */
  mendAll(): void {
    this.note("mend all");
    this.#cuts.clear();
  }

  /** Switches a host off, or on again. */
  setDown(host: string, isDown: boolean): void {
    this.note(`${this.nameOf(host)} ${isDown ? "vanishes" : "is back"}`);
    if (isDown) this.#down.add(host);
    else this.#down.delete(host);
  }

  /** Whether nothing gets from one host to the other. */
  isCut(a: string, b: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(pair(a, b)) ||
      this.#down.size > 0 && (this.#down.has(a) || this.#down.has(b));
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
