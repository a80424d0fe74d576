// Which options Deno's network has: what its own sockets can do, and what node:net adds.

import type { SupportedOptions } from "../socket_options.ts";

/** Those of Deno's network. */
export const DENO_OPTIONS: SupportedOptions = {
  name: "Deno's sockets",
  connect: new Set(["localAddress", "localPort", "keepAliveInMillis", "resetOnAbort"] as const),
  listen: new Set(["reusePort", "keepAliveInMillis"] as const),
  adopt: new Set(["keepAliveInMillis"] as const),
  path: new Set(),
  // The engine of datagrams says by itself for which family.
  datagram: new Set(["timeToLive"] as const),
};
