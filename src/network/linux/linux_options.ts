// Which options this engine has: all of them, where they go with what a socket is for.

import {
  BUFFER_SIZE_OPTIONS,
  PACKET_OPTIONS,
  type SupportedOptions,
  TCP_OPTIONS,
} from "../socket_options.ts";

/** Those of the engine for Linux. */
export const LINUX_OPTIONS: SupportedOptions = {
  name: "the engine for Linux",
  connect: new Set(["localAddress", "localPort", ...TCP_OPTIONS]),
  listen: new Set(["reusePort", ...TCP_OPTIONS]),
  adopt: new Set(TCP_OPTIONS),
  path: new Set(BUFFER_SIZE_OPTIONS),
  datagram: new Set(["reusePort", ...PACKET_OPTIONS]),
};
