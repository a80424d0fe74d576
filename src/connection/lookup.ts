// A user's own way to look host names up.

import { checkHost } from "../base/address.ts";
import { shown } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { ipVersion } from "../base/ip_address.ts";
import { readList } from "../base/options.ts";
import { attempt, giveUp, wordsOf } from "../base/user_code.ts";
import type { ResolvedName } from "../network/datagram_socket.ts";

/** What is asked of a {@linkcode Lookup}, besides a name. */
export interface LookupOptions {
  /** 4 or 6 where only addresses of that family are of use, 0 for both. */
  readonly family: 0 | 4 | 6;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Gives the IP addresses of a host name, the best first. What it throws is the reason why the client cannot connect.
 */
export type Lookup = (
  host: string,
  options: LookupOptions,
) => readonly string[] | Promise<readonly string[]>;

/** A checked {@linkcode Lookup}. */
export type LookupSettings = (
  host: string,
  family: 0 | 4 | 6,
  signal: AbortSignal,
) => Promise<ResolvedName>;

/** Makes of a user's function one whose answers can be relied on. */
export function checkedLookup(lookup: Lookup): LookupSettings {
  return async (host, family, signal) => {
    const given = await attempt(() => lookup(host, { family, signal })).catch((cause) => {
      giveUp(cause);
      throw new GenericError("unreachable", `Cannot look up ${host}: ${wordsOf(cause)}`, { cause });
    });
    const addresses = readList(`What lookup gives for ${host}`, given).map((address) => {
      const checked = checkHost(`An address that lookup gives for ${host}`, address);
      if (ipVersion(checked) !== 0) return checked;
      throw new TypeError(`lookup must give IP addresses: got ${shown(address)} for ${host}`);
    });
    const isOfUse = (address: string) => family === 0 || ipVersion(address) === family;
    return { addresses: addresses.filter(isOfUse), isDirect: true };
  };
}
