// What a simulated network does to the programs that use it.
//
// "Gentle" faults are those that a correct program does not notice, except that it takes longer: bytes come in
// other pieces, later, through smaller buffers. "Hostile" ones are noticed: connections die, hosts vanish. In
// each run the seed first decides which of them happen at all, and how badly: a run in which everything goes
// wrong a little finds less than runs in which some things go wrong a lot.

import {
  checkBoolean,
  checkInteger,
  MAX_INTERVAL_IN_MILLIS,
  shown,
} from "../src/base/arguments.ts";
import { type OptionNames, readList, readOptions } from "../src/base/options.ts";
import { checkRandom, type Random } from "./random.ts";

/** What a simulated network does, and how often. Chances go from 0, never, to 1, always. */
export interface Faults {
  /** How long a byte or datagram travels one way, at least and at most. */
  readonly latencyInMillis: readonly [least: number, most: number];
  /** How many bytes a second one direction of a connection carries; `Infinity` for any number. */
  readonly bytesPerSecond: number;
  /** How many bytes of a connection the receiving system keeps until they are read. */
  readonly receiveBufferInBytes: number;
  /** How many bytes of a connection the sending system takes before they have arrived. */
  readonly sendBufferInBytes: number;
  /** How many bytes of datagrams the receiving system keeps; more are lost. */
  readonly datagramBufferInBytes: number;
  /** Chance that bytes are cut, anywhere, on their way. */
  readonly cuts: number;
  /** Chance that a read gives less than there is. */
  readonly shortReads: number;
  /** Chance that a write takes less than there is room for. */
  readonly shortWrites: number;
  /** Chance that a read or write whose result is known still completes a moment later. */
  readonly slowCompletions: number;
  /** Chance that the program is busy for up to 10 ms, so that several things have happened when it looks again. */
  readonly busyTurns: number;
  /** Chance that an attempt to connect ignores its signal, as with some transports, and succeeds late. */
  readonly deafConnects: number;
  /** Chance that a datagram is lost, and that a piece of a stream has to be sent again. */
  readonly loss: number;
  /** Chance that a datagram arrives twice. */
  readonly duplicates: number;
  /** Chance that a datagram is held up and overtaken. */
  readonly reordering: number;
  /** Chance that accepting fails for lack of descriptors although there are some; the next one may succeed. */
  readonly acceptFailures: number;
  /** Chance that a connection is reset within {@linkcode Faults.disturbWithinInMillis}. */
  readonly resets: number;
  /** Chance that both ends of a connection silently lose each other. */
  readonly vanishings: number;
  /** Chance that two hosts, when they first connect, lose sight of each other for a while. */
  readonly partitions: number;
  /** Within how long a connection is disturbed, if at all. */
  readonly disturbWithinInMillis: number;
  /** Whether a reset also destroys what had arrived and was not read yet, as some systems do. */
  readonly resetsDestroyArrived: boolean;
  /** Whether closing with unread input looks like an end to the peer, as it does from Deno, or like a reset. */
  readonly unreadLooksLikeEnd: boolean;
}

/** No time passes and nothing goes wrong. */
export const calmFaults: Faults = {
  latencyInMillis: [0, 0],
  bytesPerSecond: Infinity,
  receiveBufferInBytes: 262_144,
  sendBufferInBytes: 262_144,
  datagramBufferInBytes: 212_992,
  cuts: 0,
  shortReads: 0,
  shortWrites: 0,
  slowCompletions: 0,
  busyTurns: 0,
  deafConnects: 0,
  loss: 0,
  duplicates: 0,
  reordering: 0,
  acceptFailures: 0,
  resets: 0,
  vanishings: 0,
  partitions: 0,
  disturbWithinInMillis: 1_000,
  resetsDestroyArrived: false,
  unreadLooksLikeEnd: false,
};

/** Checks faults that somebody has written; the others stay calm. */
export function readFaults(given: Partial<Faults>): Faults {
  const names = Object.keys(calmFaults) as readonly string[] as OptionNames<Faults>;
  const faults: Faults = { ...calmFaults, ...readOptions<Partial<Faults>>("faults", given, names) };
  const [least, most, ...more] = readList("faults.latencyInMillis", faults.latencyInMillis);
  checkNumber("latencyInMillis", least, 0, MAX_INTERVAL_IN_MILLIS);
  checkNumber("latencyInMillis", most, least as number, MAX_INTERVAL_IN_MILLIS);
  if (more.length > 0) throw new TypeError("faults.latencyInMillis must be two numbers");
  for (const name of names) {
    const value = faults[name];
    if (name === "latencyInMillis") continue;
    else if (name === "bytesPerSecond") checkNumber(name, value, Number.MIN_VALUE, Infinity);
    else if (name === "disturbWithinInMillis") checkNumber(name, value, 0, MAX_INTERVAL_IN_MILLIS);
    else if (name.endsWith("InBytes")) checkInteger(`faults.${name}`, value, 1);
    else if (typeof calmFaults[name] === "boolean") checkBoolean(`faults.${name}`, value);
    else checkNumber(name, value, 0, 1);
  }
  return { ...faults, latencyInMillis: [least as number, most as number] };
}

function checkNumber(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError(`faults.${name} must be a number: got ${shown(value)}`);
  }
  if (value < least || value > most) {
    const range = least === Number.MIN_VALUE ? "more than 0" : `from ${least} to ${most}`;
    throw new RangeError(`faults.${name} must be ${range}: got ${value}`);
  }
}

/**
 * Draws faults that a correct stream program does not notice. Datagrams are lost, doubled and reordered too.
 *
 * @param random What decides.
 * @throws {TypeError} It is no {@linkcode Random}.
 */
export function gentleFaults(random: Random): Faults {
  checkRandom(random);
  const sometimes = (most: number) => random.chance(0.5) ? random.next() * most : 0;
  const least = random.pick([0, 0, 1, 20]);
  return {
    ...calmFaults,
    latencyInMillis: [least, least + random.pick([0, 1, 10, 200])],
    bytesPerSecond: random.pick([Infinity, Infinity, 1_000_000, 50_000]),
    receiveBufferInBytes: random.pick([262_144, 65_536, 4_096, 100]),
    sendBufferInBytes: random.pick([262_144, 65_536, 4_096, 100]),
    datagramBufferInBytes: random.pick([212_992, 212_992, 8_192]),
    cuts: sometimes(1),
    shortReads: sometimes(1),
    shortWrites: sometimes(1),
    slowCompletions: sometimes(1),
    busyTurns: sometimes(0.5),
    deafConnects: sometimes(1),
    loss: sometimes(0.2),
    duplicates: sometimes(0.2),
    reordering: sometimes(0.3),
    acceptFailures: sometimes(0.5),
    resetsDestroyArrived: random.chance(0.5),
    unreadLooksLikeEnd: random.chance(0.5),
  };
}

/**
 * Draws faults that end connections, besides those of {@linkcode gentleFaults}.
 *
 * @param random What decides.
 * @throws {TypeError} It is no {@linkcode Random}.
 */
export function hostileFaults(random: Random): Faults {
  return {
    ...gentleFaults(random),
    resets: random.pick([0, 0.1, 0.5, 1]),
    vanishings: random.pick([0, 0, 0.1, 0.5]),
    partitions: random.pick([0, 0, 0.5, 1]),
    disturbWithinInMillis: random.pick([1, 50, 1_000, 30_000]),
  };
}
