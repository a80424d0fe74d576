// Runs a scenario on a simulated network: lets code run until all of it waits, moves time to the next thing that
// happens, and so on until the scenario is over.
//
// Between two events a macrotask passes, so no promise reaction is left when time moves (microtasks.ts). There is no
// such guarantee for code that waits for something outside the simulation, a file or a real socket.

import { checkBoolean, checkInteger, checkInterval, shown } from "../src/base/arguments.ts";
import { optionNames, readOptions } from "../src/base/options.ts";
import { isError } from "../src/base/errors.ts";
import { wordsOf } from "../src/base/user_code.ts";
import { microtasksDrained } from "./microtasks.ts";
import {
  insideOf,
  NETWORK_OPTIONS,
  SimulatedNetwork,
  type SimulatedNetworkOptions,
} from "./simulated_network.ts";

/** How a scenario is run. */
export interface SimulateOptions extends SimulatedNetworkOptions {
  /**
   * How much virtual time it may take. In milliseconds, from 1, or `Infinity`.
   *
   * @default {86_400_000}
   */
  readonly limitInMillis?: number;
  /**
   * How many events it may take: an endless loop of events ends here. From 1, or `Infinity`.
   *
   * @default {1_000_000}
   */
  readonly limitInEvents?: number;
  /**
   * Whether anything left behind, and unhandled rejections and errors, fail the run.
   *
   * @default {true}
   */
  readonly strict?: boolean;
}

const OPTIONS = [
  ...NETWORK_OPTIONS,
  ...optionNames<Omit<SimulateOptions, keyof SimulatedNetworkOptions>>({
    limitInMillis: true,
    limitInEvents: true,
    strict: true,
  }),
];

/** How a run went. */
export interface SimulationReport {
  /** What decided it. */
  readonly seed: number;
  /** A hash of all that has happened. */
  readonly traceHash: string;
  /** How much virtual time it took. */
  readonly virtualMillis: number;
  /** How many events it took. */
  readonly events: number;
  /** Open connections, listeners and sockets with what waits on them, and timeouts; no `delay` of the network. */
  readonly leftBehind: readonly string[];
}

/** A scenario failed. The message says with which seed, and what happened last. */
export class SimulationError extends Error {
  /** Always `"SimulationError"`. */
  override readonly name = "SimulationError";
  /** What decided the run: the same scenario with the same seed fails in the same way. */
  readonly seed: number;
  /** A hash of all that has happened. */
  readonly traceHash: string;

  /**
   * Makes the error of a run.
   *
   * @param why What went wrong.
   * @param network Where.
   * @param options May hold the `cause`.
   */
  constructor(why: string, network: SimulatedNetwork, options?: ErrorOptions) {
    const { seed, traceHash } = network;
    const last = network.trace.map((line) => `  ${line}`).join("\n");
    super(`Seed ${seed} (trace ${traceHash}): ${why}\nWhat happened last:\n${last}`, options);
    this.seed = seed;
    this.traceHash = traceHash;
  }
}

/** How long a busy program keeps from looking at what has happened. */
const LONGEST_TURN_IN_MILLIS = 10;
/** How many turns without an event pass before a run counts as stuck. */
const TURNS_BEFORE_STUCK = 50;

/**
 * Runs a scenario on a simulated network, in virtual time.
 *
 * The run has failed when the scenario or a timeout's callback throws, when it waits for something that never
 * happens, when a socket was used in a way that real systems punish, and, unless `strict` is false, when
 * something is left behind, or a rejection or an error is not handled. Run one after the other, not several at
 * the same time.
 *
 * @param seed Decides everything: an integer from 0 to 2^53 - 1.
 * @param scenario What is to be tested; everything it opens it closes.
 * @param options What goes wrong, and how long it may take.
 * @returns How it went.
 * @throws {TypeError | RangeError} The seed, the scenario or an option is wrong.
 * @throws {SimulationError} The run has failed; what the scenario threw is the `cause`.
 * @example A client and a server, on a hundred different days
 * ```ts
 * import { Client, Listener } from "socket/mod.ts";
 * import { simulate } from "socket/testing/mod.ts";
 *
 * for (let seed = 0; seed < 100; seed++) {
 *   await simulate(seed, async (net) => {
 *     await using listener = new Listener(7, { network: net.host("server") });
 *     listener.attach({
 *       async onReadReady(caller) {
 *         const [bytes, length] = await caller.read();
 *         if (length > 0) await caller.write(bytes);
 *       },
 *     });
 *     await listener.start();
 *     await using client = await Client.connect({
 *       host: "server",
 *       port: 7,
 *       network: net.host("client"),
 *     });
 *     await client.write("hello");
 *     const [bytes] = await client.read(5);
 *     console.assert(new TextDecoder().decode(bytes) === "hello");
 *   });
 * }
 * ```
 */
export function simulate(
  seed: number,
  scenario: (net: SimulatedNetwork) => Promise<void>,
  options?: SimulateOptions,
): Promise<SimulationReport>;
export async function simulate(
  seed: number,
  scenario: (net: SimulatedNetwork) => Promise<void>,
  options: SimulateOptions = {},
): Promise<SimulationReport> {
  const { limitInMillis = 86_400_000, limitInEvents = 1_000_000, strict = true, ...others } =
    readOptions<SimulateOptions>("options", options, OPTIONS);
  checkInterval("limitInMillis", limitInMillis);
  if (limitInEvents !== Infinity) checkInteger("limitInEvents", limitInEvents, 1);
  checkBoolean("strict", strict);
  if (typeof scenario !== "function") {
    throw new TypeError(`scenario must be a function: got ${shown(scenario)}`);
  }
  const net = new SimulatedNetwork(seed, others);
  const { world, clock } = insideOf(net);
  const unhandled: { readonly why: string; readonly cause: unknown }[] = [];
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push({ why: "A rejection was not handled", cause: event.reason });
  };
  const onUncaught = (event: ErrorEvent) => {
    event.preventDefault();
    unhandled.push({ why: "An error was not caught", cause: event.error });
  };
  if (strict) {
    addEventListener("unhandledrejection", onUnhandled);
    addEventListener("error", onUncaught);
  }
  const fire = () => {
    try {
      clock.fire();
    } catch (cause) {
      throw new SimulationError(whyOf(cause), net, { cause });
    }
  };
  let events = 0;
  try {
    let isOver = false;
    let failure: { readonly cause: unknown } | undefined;
    (async () => await scenario(net))().catch((cause) => failure = { cause }).finally(() =>
      isOver = true
    );
    let idleTurns = 0;
    for (;;) {
      await microtasksDrained();
      if (isOver) break;
      const next = clock.next;
      if (next === undefined) {
        if (++idleTurns > TURNS_BEFORE_STUCK) {
          throw new SimulationError(`Stuck: nothing will happen any more${listed(net)}`, net);
        }
        continue;
      }
      idleTurns = 0;
      if (next > limitInMillis || ++events > limitInEvents) {
        const spent = `${clock.now()} ms and ${events} events`;
        throw new SimulationError(`Not over after ${spent}${listed(net)}`, net);
      }
      const isBusy = world.random.chance(net.faults.busyTurns);
      const looksAgainAt = isBusy ? next + world.random.next() * LONGEST_TURN_IN_MILLIS : next;
      fire();
      while (isBusy && (clock.next ?? Infinity) <= looksAgainAt && events < limitInEvents) {
        fire();
        events++;
      }
    }
    if (failure !== undefined) {
      const { cause } = failure;
      throw new SimulationError(whyOf(cause), net, { cause });
    }
    await microtasksDrained();
    const [first] = unhandled;
    if (first !== undefined) throw new SimulationError(first.why, net, { cause: first.cause });
    if (world.violations.length > 0) throw new SimulationError(world.violations.join("; "), net);
    const { leftBehind } = net;
    if (strict && leftBehind.length > 0) throw new SimulationError(`Over${listed(net)}`, net);
    return { seed, traceHash: net.traceHash, virtualMillis: clock.now(), events, leftBehind };
  } finally {
    removeEventListener("unhandledrejection", onUnhandled);
    removeEventListener("error", onUncaught);
  }
}

/** What was thrown, whatever it is; an error with its name. */
function whyOf(thrown: unknown): string {
  try {
    if (isError(thrown)) return `${thrown.name}: ${thrown.message}`;
  } catch { /* it does not want to be looked at */ }
  return wordsOf(thrown);
}

function listed(net: SimulatedNetwork): string {
  const { leftBehind } = net;
  return leftBehind.length === 0 ? "" : `; left behind: ${leftBehind.join("; ")}`;
}
