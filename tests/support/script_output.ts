// A script with permissions of its own.

import { outputOf } from "./program.ts";
import { bytesOf } from "./text.ts";

/** Runs TypeScript as a program with these flags, which must end well, and gives what it printed. */
export function scriptOutput(flags: readonly string[], script: string): Promise<string> {
  return outputOf("deno", ["run", "--no-prompt", ...flags, "-"], bytesOf(script));
}
