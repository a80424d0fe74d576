// Whether something is still referenced, which only the garbage collector knows.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { nextTurn } from "../../src/tls/next_turn.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Enough for what is released in a later turn; what a timer holds stays longer. */
const LOOKS = 20;

/** How many of these are still held when everything that is due has been done. */
export async function stillHeld(refs: readonly WeakRef<object>[]): Promise<number> {
  let held = refs.length;
  for (let look = 0; look < LOOKS && held > 0; look++) {
    await nextTurn();
    collect();
    held = refs.filter((ref) => ref.deref() !== undefined).length;
  }
  return held;
}
