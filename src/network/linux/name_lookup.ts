// The addresses of a host name, as the C library finds them: in /etc/hosts, by DNS or wherever the system says (man 3
// getaddrinfo). It waits, so it is called in a thread. Deno's own connect asks in the same way, and needs no more than
// the permission for the name and the port; node:dns would need the one for all ports.

import type { ResolvedName } from "../datagram_socket.ts";
import {
  ADDRINFO_BYTES,
  AF_INET,
  AF_INET6,
  AI_ADDR,
  AI_ADDRLEN,
  AI_FAMILY,
  AI_NEXT,
  AI_SOCKTYPE,
  SOCK_STREAM,
} from "./abi.ts";
import { libc } from "./libc.ts";
import { ipOf, socketScopeOf } from "./sockaddr.ts";

/** More than any answer has. */
const MOST_ADDRESSES = 256;
/** The longest message that is read. */
const LONGEST_MESSAGE = 256;

/**
 * Looks a host name up: all its addresses, in the order in which the system wants them tried. It asks for no
 * permission.
 *
 * @param hostname A host name.
 * @param family 4 or 6 for addresses of that family only, 0 for both.
 * @throws {Error} It has none, in the words of Deno's own: a plain error without a code.
 */
export async function lookUpAddresses(hostname: string, family: 0 | 4 | 6): Promise<ResolvedName> {
  const { malloc, free, copyIn, getaddrinfoInThread, freeaddrinfo } = libc();
  const name = new TextEncoder().encode(`${hostname}\0`);
  const hints = new Uint8Array(ADDRINFO_BYTES);
  const view = new DataView(hints.buffer);
  view.setInt32(AI_FAMILY, family === 0 ? 0 : family === 4 ? AF_INET : AF_INET6, true);
  view.setInt32(AI_SOCKTYPE, SOCK_STREAM, true);
  // Memory that is not the isolate's: the thread may be at work when that is gone.
  const memory = malloc(BigInt(8 + ADDRINFO_BYTES + name.length));
  const place = memory + 8n;
  copyIn(place, hints, hints.length);
  copyIn(place + BigInt(ADDRINFO_BYTES), name, name.length);
  const result = await getaddrinfoInThread(place + BigInt(ADDRINFO_BYTES), 0n, place, memory);
  const first = result === 0 ? wordAt(memory) : 0n;
  free(memory);
  if (result !== 0) throw lookupError(messageOf(result));
  const addresses = addressesFrom(first);
  freeaddrinfo(first);
  if (addresses.length === 0) throw lookupError("it has no address");
  return { addresses, isDirect: true };
}

function addressesFrom(first: bigint): string[] {
  const { copyOut } = libc();
  const addresses: string[] = [];
  for (
    let at = first;
    at !== 0n && addresses.length < MOST_ADDRESSES;
    at = wordAt(at + BigInt(AI_NEXT))
  ) {
    const length = Number(wordAt(at + BigInt(AI_ADDRLEN)) & 0xffff_ffffn);
    const address = new Uint8Array(length);
    copyOut(address, wordAt(at + BigInt(AI_ADDR)), length);
    const scope = socketScopeOf(address);
    addresses.push(scope === 0 ? ipOf(address) : `${ipOf(address)}%${scope}`);
  }
  return addresses;
}

/** Eight bytes of memory as a number. */
function wordAt(address: bigint): bigint {
  const word = new BigUint64Array(1);
  libc().copyOut(new Uint8Array(word.buffer), address, 8);
  return word[0]!;
}

function messageOf(result: number): string {
  const { gai_strerror, strnlen, copyOut } = libc();
  const text = gai_strerror(result);
  const bytes = new Uint8Array(Number(strnlen(text, LONGEST_MESSAGE)));
  copyOut(bytes, text, bytes.length);
  return new TextDecoder().decode(bytes);
}

function lookupError(why: string): Error {
  return new Error(`failed to lookup address information: ${why}`);
}
