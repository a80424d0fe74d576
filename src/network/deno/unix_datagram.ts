// One datagram to a local socket, by Deno's own, which need --unstable-net.

import { GenericError } from "../../base/errors.ts";
import { bare } from "../../base/options.ts";

/** The runtime's own local datagram sockets. */
type BindLocal = (
  options: Deno.UnixListenOptions & { transport: "unixpacket" },
) => Deno.DatagramConn;

/**
 * Sends it.
 *
 * @param bind Makes the runtime's socket: passed in by the room that may name it; `undefined` where it may not.
 * @param path Where to.
 * @param bytes What.
 * @throws {GenericError} `"unsupported"`: the flag is missing.
 */
export async function sendToPath(
  bind: BindLocal | undefined,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  if (bind === undefined) {
    throw new GenericError(
      "unsupported",
      "Cannot send to a local socket: run with --unstable-net, or pass network: linuxNetwork (linux/mod.ts)",
    );
  }
  // It has to be bound to something: an abstract name needs no file.
  const socket = bind(bare({ transport: "unixpacket", path: `\0socket/${crypto.randomUUID()}` }));
  try {
    await socket.send(bytes, bare({ transport: "unixpacket", path }));
  } finally {
    socket.close();
  }
}
