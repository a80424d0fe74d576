// A port for a program that cannot choose one.

import { GenericError, UdpClient } from "../../mod.ts";

/** Below the ports that the system chooses from: 32768 and up on Linux, 49152 and up elsewhere. */
const FROM = 20_000;
const TO = 32_767;

/**
 * A port of 127.0.0.1 that is free for TCP and UDP. The system gives it to no other program before this one has bound
 * it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      await using socket = new UdpClient({ host: "127.0.0.1", port });
      await socket.bound;
      return port;
    } catch (error) {
      const isTaken = error instanceof Deno.errors.AddrInUse ||
        error instanceof GenericError && error.code === "in-use";
      if (!isTaken) throw error;
    }
  }
}
