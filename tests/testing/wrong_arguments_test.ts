// Misuse of the test doubles is refused where it happens: a test that stands on a misspelled name, or on NaN, passes
// and shows nothing.

import { assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  connectedPair,
  connectedTransports,
  gentleFaults,
  hostileFaults,
  pause,
  Random,
  scriptedListener,
  scriptedNetwork,
  scriptedTransport,
  simulate,
  SimulatedNetwork,
  Step,
  until,
  VirtualClock,
} from "../../testing/mod.ts";

/** What it says of each wrong call. */
const WRONG: readonly (readonly [says: string, call: () => unknown])[] = [
  ["options must be an object: got 5", () => connectedPair(5 as never)],
  ["options must be an object: got null", () => connectedPair(null as never)],
  ["canTry must be true or false: got 1", () => connectedPair({ canTry: 1 as never })],
  ["canTry must be", () => connectedTransports({ canTry: 1 as never })],
  ["capacity must be a number", () => connectedTransports({ capacity: NaN })],
  ["step of the script must be", () => scriptedTransport([5 as never])],
  ["script must be an array", () => scriptedTransport("ab" as never)],
  ["canTry must be", () => scriptedTransport([], { canTry: 1 as never })],
  ["clock must have", () => scriptedTransport([], { clock: {} as never })],
  ["step of the script must be", () => scriptedTransport().say(5 as never)],
  ["writes must be an array", () => scriptedTransport([], { writes: 5 as never })],
  ["Each of writes must be", () => scriptedTransport([], { writes: [0] })],
  ["Each of writes must be", () => scriptedTransport([], { writes: [-1] })],
  ["Each of writes must be", () => scriptedTransport([], { writes: [NaN] })],
  ["Each of writes must be", () => scriptedTransport([], { writes: ["x" as never] })],
  ["kind must be", () => new Step("nope" as never)],
  ["delayInMillis must be", () => pause(NaN)],
  ["delayInMillis must be", () => pause(-1)],
  ["event must be a promise", () => until(5 as never)],
  ["connects must be an array", () => scriptedNetwork({ connects: 5 as never })],
  ["transport of a script must have", () => scriptedNetwork({ connects: [5 as never] })],
  ["Each of listens must have", () => scriptedNetwork({ listens: [5 as never] })],
  ["transport of a script must have", () => scriptedListener([5 as never])],
  ["transport of a script must have", () => scriptedListener([]).say(5 as never)],
  ["must be an integer 5 or more: got 1", () => new Random(1).integer(5, 1)],
  ["least must be a number", () => new Random(1).integer(NaN, 1)],
  ["most must be", () => new Random(1).integer(0, Infinity)],
  ["probability must be from 0 to 1", () => new Random(1).chance(2)],
  ["probability must be a number", () => new Random(1).chance(NaN)],
  ["from must be an array with", () => new Random(1).pick([])],
  ["length must be", () => new Random(1).bytes(-1)],
  ["random must have", () => gentleFaults(undefined as never)],
  ["random must have", () => hostileFaults({} as never)],
  ["callback must be", () => new VirtualClock().setTimeout(undefined as never, 5)],
  ["delayInMillis must be", () => new VirtualClock().setTimeout(() => {}, 5n as never)],
  ["name must be a string", () => new SimulatedNetwork(1).host(undefined as never)],
  ["name must be a host name", () => new SimulatedNetwork(1).host("")],
  ["a must be an array", () => new SimulatedNetwork(1).partition("ab" as never, "cd" as never)],
  ["b must be an array", () => new SimulatedNetwork(1).partition([], undefined as never)],
  [
    'hosts that there are (localhost): got "zzz"',
    () => new SimulatedNetwork(1).partition(["localhost"], ["zzz"]),
  ],
  ...[NaN, -1, "5"].map((limit) =>
    [
      "descriptorLimit must be",
      () => void (new SimulatedNetwork(1).host("a").descriptorLimit = limit as never),
    ] as const
  ),
];

Deno.test("what the testing kit is given wrongly it refuses, by name", () => {
  for (const [says, call] of WRONG) {
    const error = assertThrows(call, Error, undefined, says);
    assertStringIncludes(error.message, says);
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
  }
});

Deno.test("what the testing kit awaits and is given wrongly it refuses, by name", async () => {
  const clock = new VirtualClock();
  await assertRejects(() => clock.advance(5n as never), TypeError, "byInMillis must be a number");
  await assertRejects(() => clock.runUntilIdle("5" as never), TypeError, "limitInMillis must be");
  await assertRejects(() => simulate(1, undefined as never), TypeError, "scenario must be");
});
