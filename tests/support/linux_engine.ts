// Tests of the engine for Linux, which are skipped where it cannot be had.

import { linuxNetworkProblem } from "../../linux/mod.ts";

const problem = linuxNetworkProblem();
if (problem !== undefined) console.log(`skipped: all tests of the engine for Linux: ${problem}`);

/** Whether it can be had. */
export const hasLinuxEngine = problem === undefined;

/** Makes a test that is skipped, with a printed reason, where it cannot. */
export function linuxTest(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, ignore: problem !== undefined, fn });
}
