/**
 * An engine of our own for Linux: sockets by the system's own calls, in the place of Deno's.
 *
 * Pass {@linkcode linuxNetwork} as `network` in a config, and run with `--allow-ffi`; nothing else changes.
 * {@linkcode linuxNetworkProblem} says why it cannot be had, so that a program can fall back on Deno's own:
 *
 * ```ts
 * import { denoNetwork, Listener } from "socket/mod.ts";
 * import { linuxNetwork, linuxNetworkProblem } from "socket/linux/mod.ts";
 *
 * const network = linuxNetworkProblem() === undefined ? linuxNetwork : denoNetwork;
 * const listener = new Listener(0, { interface: "127.0.0.1", network });
 * ```
 *
 * @module
 */

export { linuxNetwork, linuxNetworkProblem } from "../src/network/linux/linux_network.ts";
