// When a program that says nothing is ready for its clients.

import type { Program } from "./program.ts";

/** Waits until a program listens on a port, without asking it; `false` where it has ended. */
export async function isListening(port: number, program: Program): Promise<boolean> {
  let hasEnded = false;
  const end = () => hasEnded = true;
  program.ending().then(end, end);
  while (!hasEnded) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch (error) {
      // It rejects every client there, some before they know that they are connected.
      // It has accepted and hung up already, which is an answer, too.
      if (error instanceof Deno.errors.ConnectionReset) return true;
      if (error instanceof Deno.errors.NotConnected) return true;
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
  }
  return false;
}
