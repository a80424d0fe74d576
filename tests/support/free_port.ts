// A port for a program that must be told one.

/** Where the system does not look for a port when it may choose: 32768 and up on Linux, 49152 and up elsewhere. */
const FROM = 20_000;
const TO = 32_767;

/**
 * A port of 127.0.0.1 that nobody uses now, neither for TCP nor for UDP. Nobody who lets the system choose is
 * given it before the program has bound it.
 */
export function freePort(): number {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
