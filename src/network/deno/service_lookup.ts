// Asks a name server for the SRV records of a service.

import { bare } from "../../base/options.ts";
import type { ServiceRecord } from "../network.ts";

/**
 * Asks where a service is to be found.
 *
 * @param name The name of the service: `_redis._tcp.example`.
 * @param signal Gives up.
 * @param nameServer Whom to ask, instead of the system's own.
 * @returns All records, in no order.
 * @throws {Deno.errors.NotFound} There are none.
 */
export async function lookUpService(
  name: string,
  signal: AbortSignal,
  nameServer?: { readonly ipAddr: string; readonly port: number },
): Promise<readonly ServiceRecord[]> {
  const options = nameServer === undefined ? { signal } : { signal, nameServer };
  const records = await Deno.resolveDns(name, "SRV", bare(options));
  return records.map(({ priority, weight, target, port }) => ({
    priority,
    weight,
    host: target,
    port,
  }));
}
