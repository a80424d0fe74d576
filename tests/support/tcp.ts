// Addresses of TCP, made up.

import type { NetworkAddress } from "../../src/base/address.ts";

/** Gives the address of an end. */
export function tcp(hostname: string, port = 7): NetworkAddress {
  return { transport: "tcp", hostname, port };
}
