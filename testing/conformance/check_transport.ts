// Checks a transport against the whole contract of a stream.

import type { TimerId } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { optionNames, readOptions } from "../../src/base/options.ts";
import { readingContract } from "./reading_contract.ts";
import { transportContract } from "./transport_contract.ts";
import { type Check, ensure, type TransportPair, Trial } from "./trial.ts";
import { tryingContract } from "./trying_contract.ts";
import { writingContract } from "./writing_contract.ts";

/** How a transport is checked. */
export interface CheckTransportOptions {
  /**
   * Stands before the name of each test.
   *
   * @default ""
   */
  readonly name?: string;
  /**
   * Takes each test.
   *
   * @default Deno.test
   */
  readonly test?: (name: string, body: () => Promise<void>) => void;
  /**
   * Runs the body of each test, inside `simulate` for instance.
   *
   * @default The body as it is
   */
  readonly around?: (body: () => Promise<void>) => Promise<void>;
  /**
   * Whether one direction can be ended alone.
   *
   * @default {true}
   */
  readonly halfClose?: boolean;
  /**
   * Whether the transport has `reset`.
   *
   * @default {false}
   */
  readonly reset?: boolean;
  /**
   * Whether the transport can be read and written without a promise: `tryRead`, `whenReadable` and `tryWrite`.
   *
   * @default {false}
   */
  readonly canTry?: boolean;
}

const OPTIONS = optionNames<CheckTransportOptions>({
  name: true,
  test: true,
  around: true,
  halfClose: true,
  reset: true,
  canTry: true,
});

/** A check that takes longer, by the clock of the pair, has failed. */
const LIMIT_IN_MILLIS = 60_000;

/**
 * Checks a transport against the whole contract of a stream: what a `Connection` requires of it, and what a
 * `Connection` over it promises. Every check is a test of its own, with a new pair.
 *
 * @param makePair Makes two joined ends.
 * @param options What the transport can do, and who runs the tests.
 * @throws {TypeError} An option is misspelled.
 * @example Your own transport, in a test file
 * ```ts ignore
 * import { checkTransport, connectedTransports } from "socket/testing/mod.ts";
 *
 * checkTransport(() => {
 *   const [near, far] = connectedTransports();
 *   return { near, far };
 * }, { name: "in memory: ", reset: true });
 * ```
 */
export function checkTransport(
  makePair: () => TransportPair | Promise<TransportPair>,
  options?: CheckTransportOptions,
): void;
export function checkTransport(
  makePair: () => TransportPair | Promise<TransportPair>,
  options: CheckTransportOptions = {},
): void {
  const {
    name = "",
    test = (name, body) => Deno.test(name, body),
    around = (body) => body(),
    halfClose = true,
    reset = false,
    canTry = false,
  } = readOptions<CheckTransportOptions>("options", options, OPTIONS);
  const can = { halfClose, reset, canTry };
  const contracts = [transportContract, tryingContract, readingContract, writingContract];
  for (const check of contracts.flat()) {
    if (check.needs !== undefined && !can[check.needs]) continue;
    test(`${name}${check.name}`, () => around(() => runCheck(check, makePair)));
  }
}

async function runCheck(
  check: Check,
  makePair: () => TransportPair | Promise<TransportPair>,
): Promise<void> {
  const pair = await makePair();
  const clock = pair.clock ?? denoNetwork.clock;
  const trial = new Trial(pair);
  let timer: TimerId | undefined;
  const late = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, LIMIT_IN_MILLIS);
  });
  try {
    let isOver = false;
    const run = check.run(trial).then(() => void (isOver = true));
    await Promise.race([run, late]);
    ensure(isOver, `Not over after ${LIMIT_IN_MILLIS} ms`);
  } finally {
    clock.clearTimeout(timer!);
    trial.end();
  }
}
