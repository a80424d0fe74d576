// Whether an IP address is one of this machine's: the system lets nobody bind another.
//
// The list of them would take a permission that a server has no other need for.

import { formatAddress } from "../../base/address.ts";
import { bare } from "../../base/options.ts";

/** Binds a port of an address. */
type Listen = (options: { hostname: string; port: number }) => { close(): void };

/**
 * Whether an address is one of this machine's. False as well where the program may not bind it, and for a
 * link-local one, which nobody can bind who does not name its interface. Never prompts for a permission.
 *
 * @param address An IP address.
 * @param listen What binds: the room that names it passes it in.
 */
export function isOwnAddress(address: string, listen: Listen): boolean {
  const host = formatAddress(address, 0);
  if (Deno.permissions.querySync({ name: "net", host }).state !== "granted") return false;
  try {
    // There is always a stream's; a datagram's takes a flag.
    listen(bare({ hostname: address, port: 0 })).close();
    return true;
  } catch {
    return false;
  }
}
