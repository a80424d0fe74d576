// Programs in a network of their own, which nobody else is in: `unshare` makes it.

import { inFolder } from "./folder.ts";
import { outputOf } from "./program.ts";

/**
 * Whether this machine can make one. Where not, it says what is skipped.
 *
 * @param what What the tests are about.
 * @param setup Commands of `ip` that it must understand.
 */
export async function canMakeNetwork(what: string, setup: string): Promise<boolean> {
  try {
    await outputOf("unshare", ["-rn", "sh", "-c", setup]);
    return true;
  } catch {
    console.log(`skipped: ${what}: no network can be made here (unshare, iproute2)`);
    return false;
  }
}

/**
 * Runs a script there.
 *
 * @param setup Commands that make its addresses.
 * @param flags Options of `deno run`, beside `--allow-net`.
 * @returns What it printed.
 */
export function runInNetwork(
  setup: string,
  script: string,
  flags: readonly string[],
): Promise<string> {
  return inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/script.ts`, script);
    const run = ["run", "--quiet", "--no-prompt", "--allow-net", ...flags, `${folder}/script.ts`];
    const deno = [Deno.execPath(), ...run].map((word) => `'${word}'`).join(" ");
    return await outputOf("unshare", ["-rn", "sh", "-c", `${setup}; exec ${deno}`]);
  });
}
