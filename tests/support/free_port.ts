// A port for a program that must be told one.

import { GenericError, UdpClient } from "../../mod.ts";

/** Where the system does not look for a port when it may choose: 32768 and up on Linux, 49152 and up elsewhere. */
const FROM = 20_000;
const TO = 32_767;

/**
 * A port of 127.0.0.1 that nobody uses now, neither for TCP nor for UDP. Nobody who lets the system choose is
 * given it before the program has bound it.
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
