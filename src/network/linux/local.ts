// Local (Unix) sockets on this engine. How they get to their paths, and how the files of dead programs are told from
// those of living ones, is the same as on Deno's own: see ../deno/unix_listener.ts.

import type { NetworkAddress } from "../../base/address.ts";
import type { LocalSockets } from "../deno/unix.ts";
import type { Transport, TransportListener } from "../transport.ts";
import { AF_UNIX, SOCK_STREAM } from "./abi.ts";
import { must } from "./errno.ts";
import { libc } from "./libc.ts";
import { LinuxListener } from "./linux_listener.ts";
import { LinuxStream } from "./linux_stream.ts";
import { requirePath } from "./permissions.ts";
import { unixSocketAddress } from "./sockaddr.ts";
import { bindTo, closeDescriptor, openSocket, ownAddress, peerAddress } from "./socket.ts";
import { setSocketOptions } from "./socket_options.ts";

/** How many wait until they are accepted; the system has a limit of its own. */
const BACKLOG = 4_096;

/** The system's local sockets. */
export const linuxLocalSockets: LocalSockets = {
  // deno-lint-ignore require-await -- what it throws becomes a rejection
  connect: async (path, sizes) => {
    libc();
    requirePath(path);
    return made((descriptor): Transport => {
      setSocketOptions(descriptor, sizes, { family: AF_UNIX, use: "connect" });
      const to = unixSocketAddress(path);
      // It is connected when this returns: where the queue is full, it fails.
      must("connect", () => libc().connect(descriptor, to, to.length));
      const local = ownAddress(descriptor, "tcp");
      return new LinuxStream(descriptor, local, peerAddress(descriptor, "tcp"));
    });
  },
  listen: (path, sizes) => {
    libc();
    requirePath(path);
    return made((descriptor): TransportListener => {
      bindTo(descriptor, unixSocketAddress(path));
      must("listen", () => libc().listen(descriptor, BACKLOG));
      const address = ownAddress(descriptor, "tcp");
      const accepted = (descriptor: number, from: NetworkAddress) => {
        // A local socket inherits no sizes.
        setSocketOptions(descriptor, sizes, { family: AF_UNIX, use: "connect" });
        return new LinuxStream(descriptor, address, from);
      };
      return new LinuxListener(descriptor, address, accepted);
    });
  },
};

function made<T>(make: (descriptor: number) => T): T {
  const descriptor = openSocket(AF_UNIX, SOCK_STREAM);
  try {
    return make(descriptor);
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}
