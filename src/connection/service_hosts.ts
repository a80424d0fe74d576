// The hosts of a service, as its SRV records have them, in the order in which they are tried.

import { type Address, checkHost } from "../base/address.ts";
import { GenericError } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import type { Network, ServiceRecord } from "../network/network.ts";
import { inServiceOrder } from "../network/service_order.ts";

/** The name of a service: what it is, over which protocol, and whose. */
const SERVICE = /^_[\w-]+\._[a-z]+\.[^_]/i;

/**
 * Checks the name of a service.
 *
 * @returns The name as it is.
 * @throws {TypeError} It is none.
 */
export function checkService(name: string, value: unknown): string {
  const checked = checkHost(name, value);
  if (!SERVICE.test(checked)) {
    throw new TypeError(`${name} must be a name such as "_redis._tcp.example": got "${checked}"`);
  }
  return checked;
}

/**
 * Asks where a service is to be found.
 *
 * @returns At least one host.
 * @throws {GenericError} `"unreachable"`: nowhere. `"unsupported"`: the network cannot ask.
 */
export async function hostsOf(
  service: string,
  network: Network,
  signal: AbortSignal,
): Promise<readonly Address[]> {
  const action = `Cannot find ${service}`;
  if (network.resolveService === undefined) {
    throw new GenericError(
      "unsupported",
      `${action}: this network knows no services (it has no resolveService), use hosts`,
    );
  }
  let records: readonly ServiceRecord[];
  try {
    records = await network.resolveService(service, signal);
  } catch (cause) {
    if (signal.aborted) throw cause;
    if (!(cause instanceof Deno.errors.NotFound)) throw setupError(action, cause);
    throw new GenericError("unreachable", `${action}: the name has no SRV records`, { cause });
  }
  const usable = inServiceOrder(records).flatMap(({ host, port }) => {
    const checked = hostIn(host);
    return checked === undefined || port === 0 ? [] : [{ host: checked, port }];
  });
  if (usable.length > 0) return usable;
  throw new GenericError(
    "unreachable",
    `${action}: ${
      records.length === 0 ? "the name has no SRV records" : "its SRV records name no host"
    }`,
  );
}

/** A host of a record: without the dot at its end, and none where there is nothing else. */
function hostIn(text: string): string | undefined {
  try {
    return checkHost("host", text.endsWith(".") ? text.slice(0, -1) : text);
  } catch {
    return undefined;
  }
}
