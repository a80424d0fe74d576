// Looks host names up the way the runtime does: by the system's resolver, which knows /etc/hosts. Deno has that only
// as node:dns; Deno.resolveDns asks a name server.

import { bare } from "../../base/options.ts";
import type { ResolvedName } from "../datagram_socket.ts";
import { mayUse } from "./net_permission.ts";

/**
 * Looks a host name up, as far as the program may: all its addresses, in the order in which the system wants them
 * tried. Never prompts for a permission: where the program may only use the name itself, the answer says so.
 *
 * @param hostname A host name, not an IP address.
 * @param port The port to reach there.
 * @param family 4 or 6 for addresses of that family only, 0 for both.
 */
export async function lookUpName(
  hostname: string,
  port: number,
  family: 0 | 4 | 6,
): Promise<ResolvedName> {
  if (!mayUse(hostname)) return { addresses: [], isDirect: false };
  const dns = await import("node:dns/promises");
  const found = await dns.lookup(
    hostname,
    bare({ family, all: true, order: "verbatim" } as const),
  );
  const addresses = found.map(({ address }) => address);
  const may = addresses.map((address) => mayUse(address, port));
  return { addresses, isDirect: !may.includes(false) };
}
