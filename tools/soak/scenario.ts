// What a scenario is: what the server does, what the clients do, and what has to come out.

import type { Listener, ListenerConfig } from "../../mod.ts";
import type { Crowd } from "./crowd.ts";
import type { Allowance, MemoryRecord } from "./memory.ts";
import type { Entry } from "./ledger.ts";

/** A listener of the server: an echo service, and what it does to those that are thrown at it. */
export interface EchoPlan {
  /** Its listener's options. */
  readonly config?: ListenerConfig;
  /** How many bytes it reads at once; whatever has come without it. */
  readonly recordLength?: number;
  /** How likely it is to cut a connection instead of answering. */
  readonly cuts?: number;
  /** Whether streams that are thrown at it are written to without end, and whether it awaits its writes. */
  readonly pours?: "awaited" | "un-awaited";
}

/** Counted things. */
export type Counts = Readonly<Record<string, number>>;

/** What the server tells when it has stopped. */
export interface ServerReport {
  readonly entries: readonly Entry[];
  /** How thrown streams ended, how many connections began and ended, and whatever else was counted. */
  readonly counts: Counts;
  /** How the last stop went. */
  readonly completed: number;
  readonly aborted: number;
  readonly stopMillis: number;
  readonly memory: MemoryRecord;
}

/** What the clients tell when all of them have ended. */
export interface ClientReport {
  readonly entries: readonly Entry[];
  readonly counts: Counts;
  readonly failures: readonly string[];
  readonly slowestMillis: number;
  readonly memory: MemoryRecord;
}

/** One kind of bad day. */
export interface Scenario {
  readonly name: string;
  /** What is thrown at the server, in words. */
  readonly title: string;
  /** How many descriptors the server's process may have. */
  readonly descriptors?: number;
  /** The listeners of the server. */
  readonly listeners: readonly EchoPlan[];
  /** What the server does besides, until the signal. */
  readonly serverWork?: (listeners: readonly Listener[], signal: AbortSignal) => Promise<Counts>;
  /** What the clients do: says `crowd.complete()` when all of it goes on, and ends when it is stopping. */
  readonly load: (crowd: Crowd) => Promise<void>;
  /** How much memory may grow; each side has more where it keeps more alive. */
  readonly allowance: Allowance;
  /** What must have come of it besides that nothing is lost. */
  readonly judge?: (server: ServerReport, clients: ClientReport) => string[];
  /** How much was thrown, in words. */
  readonly amount: (server: ServerReport, clients: ClientReport) => string;
}
