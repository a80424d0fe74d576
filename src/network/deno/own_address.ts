// Whether an IP address is one of this machine's: the system binds no other.
//
// Listing them would take a permission that a server does not need otherwise. It is used where the program has it: a
// link-local address cannot be bound without its interface, which the runtime does not tell of a sender.

import { formatAddress } from "../../base/address.ts";
import { needsZone, withoutZone } from "../../base/ip_address.ts";
import { bare } from "../../base/options.ts";
import { netState } from "../../base/net_status.ts";

/** Binds a port of an address. */
type Listen = (options: { hostname: string; port: number }) => { close(): void };
/** Lists the addresses of this machine. */
type Interfaces = () => readonly { readonly address: string }[];

/**
 * Whether an address is one of this machine's. Also false where the program may not bind it. A link-local one without
 * its interface counts as one where the program may not list the addresses. Never prompts for a permission.
 *
 * @param address An IP address.
 * @param listen What binds: passed in by the room that may name it.
 * @param interfaces What lists the addresses.
 */
export function isOwnAddress(address: string, listen: Listen, interfaces: Interfaces): boolean {
  if (needsZone(address)) return mayBeListed(address, interfaces);
  const host = formatAddress(withoutZone(address), 0);
  if (netState(host) !== "granted") return false;
  try {
    // By a stream socket, which always exists; a datagram socket takes a flag.
    listen(bare({ hostname: address, port: 0 })).close();
    return true;
  } catch {
    return false;
  }
}

function mayBeListed(address: string, interfaces: Interfaces): boolean {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" });
  if (state !== "granted") return true;
  try {
    return interfaces().some((known) => withoutZone(known.address) === address);
  } catch {
    return true;
  }
}
