// What the program may do on the network, asked before node:net and node:dgram find out: without a permission they
// may end the process, or lose the error.

import { formatAddress } from "../../base/address.ts";
import { netState, requestNet } from "../../base/net_status.ts";

/** Whether the program may use a host, or one port of it. Never prompts. */
export function mayUse(hostname: string, port?: number): boolean {
  return netState(formatAddress(hostname, port)) === "granted";
}

/**
 * Asks for the permission to use a host, or one port of it, which may prompt.
 *
 * @throws {Deno.errors.NotCapable} It is not given: what the runtime would throw.
 */
export function requireNet(hostname: string, port?: number): void {
  const host = formatAddress(hostname, port);
  if (requestNet(host) !== "granted") throw missing(host);
}

/**
 * Refuses addresses that the program must not use, whatever name they are of. One that it was not asked about passes:
 * the permission for the name is enough. Never prompts.
 *
 * @throws {Deno.errors.NotCapable} One is denied: what the runtime would throw.
 */
export function refuseDenied(addresses: readonly string[], port: number): void {
  for (const address of addresses) {
    const host = formatAddress(address, port);
    if (netState(host) === "denied") throw missing(host);
  }
}

function missing(host: string): Error {
  return new Deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}
