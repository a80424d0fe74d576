// A network on the system's own calls, for Linux: see docs/linux_engine.md.

import { lookUpService } from "../deno/service_lookup.ts";
import { connectPath } from "../deno/unix.ts";
import { listenPath } from "../deno/unix_listener.ts";
import type { DatagramAddress, Network } from "../network.ts";
import { lookUpName } from "../node/name_lookup.ts";
import { adopt } from "./adopt.ts";
import { adoptLinuxDatagram, bindLinuxDatagram } from "./bind_datagram.ts";
import { libcProblem } from "./libc.ts";
import { LINUX_OPTIONS } from "./linux_options.ts";
import { linuxClock, linuxTurns } from "./linux_turns.ts";
import { refuseDenied, requireHost } from "./permissions.ts";
import { lookUpAddresses } from "./name_lookup.ts";
import { connectTcp, listenTcp } from "./tcp.ts";
import { linuxLocalSockets } from "./local.ts";
import { isOwnAddress } from "./own_address.ts";
import { sendToPath } from "./unix_datagram.ts";

/**
 * A network on Linux that calls the system itself, through FFI: fewer turns for each byte than Deno's own, and what
 * only the system can give. It takes `--allow-ffi`, x86-64 or arm64, and glibc; elsewhere each call rejects with
 * `"unsupported"`. The permissions for hosts and paths are asked for as Deno does.
 *
 * @example On Linux its own, elsewhere Deno's
 * ```ts
 * import { denoNetwork, Listener } from "socket/mod.ts";
 * import { linuxNetwork, linuxNetworkProblem } from "socket/linux/mod.ts";
 *
 * const network = linuxNetworkProblem() === undefined ? linuxNetwork : denoNetwork;
 * const listener = new Listener(0, { interface: "127.0.0.1", network });
 * ```
 */
export const linuxNetwork: Network = {
  clock: linuxClock,
  turns: linuxTurns,
  socketOptions: LINUX_OPTIONS,
  connect: (target) => connectTcp(target, linuxClock),
  listen: listenTcp,
  connectPath: (target) => connectPath(linuxLocalSockets, linuxClock, target),
  listenPath: (target) => listenPath(linuxLocalSockets, linuxClock, target),
  // deno-lint-ignore require-await -- what it throws becomes a rejection
  adopt: async (target) => adopt(target),
  listenDatagram: (target) => bindLinuxDatagram(target, addressOf),
  // deno-lint-ignore require-await -- what it throws becomes a rejection
  adoptDatagram: async (target) => adoptLinuxDatagram(target, addressOf),
  sendToPath: (path, bytes, signal) => sendToPath(path, bytes, { clock: linuxClock, signal }),
  resolveName: lookUpName,
  resolveService: lookUpService,
  isOwnAddress,
};

/** The address of a name that only its own permission allows. */
async function addressOf(
  { hostname, port }: DatagramAddress,
  family: 0 | 4 | 6,
): Promise<DatagramAddress> {
  requireHost(hostname, port);
  const { addresses } = await lookUpAddresses(hostname, family);
  const address = addresses[0]!;
  refuseDenied(address, port);
  return { transport: "udp", hostname: address, port };
}

/**
 * Says in a sentence why {@linkcode linuxNetwork} cannot be had: this is not Linux, there is no permission, or the
 * C library or the processor is not one that it knows. Never prompts for a permission.
 *
 * @returns The sentence, or `undefined` where it can be had.
 */
export function linuxNetworkProblem(): string | undefined {
  return libcProblem();
}
