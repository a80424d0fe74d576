// Which traffic is looked at: what `only` means.

import { checkInteger, shown } from "../base/arguments.ts";
import { canonicalIp, isLooseIpv4 } from "../base/ip_address.ts";
import { optionNames, readList, readOptions } from "../base/options.ts";
import { printThrown, refusePromise } from "../base/user_code.ts";
import type { TrafficEnds } from "./tap.ts";

/** Which ends to look at. Where both fields are given, both must fit. */
export interface TrafficChoice {
  /** Traffic of which either end has one of these ports, from 0 to 65535. */
  readonly ports?: readonly number[];
  /**
   * Traffic of which either end has one of these IP addresses, in any spelling, host names or paths. A block of
   * addresses is refused: ask for it with a function.
   */
  readonly addresses?: readonly string[];
}

/**
 * Which traffic to look at: ports and addresses, or a function that is asked for each stream and each datagram. Where it
 * throws, the traffic is not looked at, and what it threw first is printed.
 */
export type TrafficFilter = TrafficChoice | ((ends: TrafficEnds) => boolean);

const CHOICE = optionNames<TrafficChoice>({ ports: true, addresses: true });

/**
 * Checks a filter.
 *
 * @param only What was passed.
 * @returns A function that never throws.
 * @throws {TypeError | RangeError} It is none.
 */
export function resolveFilter(only: TrafficFilter | undefined): (ends: TrafficEnds) => boolean {
  if (only === undefined) return () => true;
  if (typeof only === "function") return guarded(only);
  if (typeof only !== "object" || only === null) {
    throw new TypeError(`only must be a function or an object: got ${shown(only)}`);
  }
  const choice = readOptions<TrafficChoice>("only", only, CHOICE);
  const ports = choice.ports &&
    readList("only.ports", choice.ports).map((port) => checkInteger("only.ports", port, 0, 65_535));
  const addresses = choice.addresses &&
    readList("only.addresses", choice.addresses).map(checkPlace);
  return ({ localAddress, localPort, remoteAddress, remotePort }) =>
    (ports?.some((port) => port === localPort || port === remotePort) ?? true) &&
    (addresses === undefined || addresses.includes(localAddress) ||
      addresses.includes(remoteAddress));
}

/** Checks an address, a host name or a path. What could be none of them would never be met, and nobody would notice. */
function checkPlace(value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError(`only.addresses must be a list of strings: got ${shown(value)}`);
  }
  const isBracketed = value.startsWith("[") && value.endsWith("]");
  const address = canonicalIp(isBracketed ? value.slice(1, -1) : value);
  if (address !== undefined) return address;
  const slash = value.indexOf("/");
  const isBlock = slash > 0 && canonicalIp(value.slice(0, slash)) !== undefined;
  const isPath = slash >= 0 && !isBlock || value.startsWith("\0");
  // A virtual machine has a number.
  if (
    isPath || /^\d+$/.test(value) ||
    value !== "" && !isBlock && !value.includes(":") && !isLooseIpv4(value)
  ) {
    return value;
  }
  throw new TypeError(
    `only.addresses must have IP addresses, host names and paths: got ${shown(value)}`,
  );
}

function guarded(filter: (ends: TrafficEnds) => boolean): (ends: TrafficEnds) => boolean {
  let hasThrown = false;
  return (ends) => {
    try {
      // A promise is no answer: what is not known to be wanted is not looked at.
      const answer = filter(ends);
      refusePromise("only", answer);
      return answer === true;
    } catch (error) {
      if (!hasThrown) printThrown(error);
      hasThrown = true;
      return false;
    }
  };
}
