// Whether a read keeps the program alive. A read of the system cannot be taken back: when nobody waits for it any more, it
// should not hold up the end of the program.

import { callQuietly } from "../base/user_code.ts";
import type { Transport } from "./transport.ts";

/** What the runtime's own streams have; it is for their reads only. */
interface Held {
  ref?(): void;
  unref?(): void;
}

/**
 * Says whether a read or a wait of a stream that is under way, and later ones, keep the program alive, where the stream
 * can choose. That is no reason to end anything where it fails.
 */
export function holdProgram(transport: Transport, isHeld: boolean): void {
  callQuietly(() => {
    if (transport.holdProgram !== undefined) return transport.holdProgram(isHeld);
    const own = transport as Held;
    return isHeld ? own.ref?.() : own.unref?.();
  });
}
