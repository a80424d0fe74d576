// Whether an IP address is one of this machine's: the system binds no other.
//
// Listing them would take a permission that a server does not need otherwise.

import { formatAddress } from "../../base/address.ts";
import { bare } from "../../base/options.ts";

/** Binds a port of an address. */
type Listen = (options: { hostname: string; port: number }) => { close(): void };

/**
 * Whether an address is one of this machine's. Also false where the program may not bind it, and for a link-local
 * one, which cannot be bound without its interface. Never prompts for a permission.
 *
 * @param address An IP address.
 * @param listen What binds: passed in by the room that may name it.
 */
export function isOwnAddress(address: string, listen: Listen): boolean {
  const host = formatAddress(address, 0);
  if (Deno.permissions.querySync({ name: "net", host }).state !== "granted") return false;
  try {
    // By a stream socket, which always exists; a datagram socket takes a flag.
    listen(bare({ hostname: address, port: 0 })).close();
    return true;
  } catch {
    return false;
  }
}
