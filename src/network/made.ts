// What a network has made, looked at before anybody relies on it. A network of the user's own may give anything, and
// what then fails, much later and somewhere else, would not say whose mistake it is.

import { shown } from "../base/arguments.ts";
import { ignore } from "../base/errors.ts";
import { attempt, isThenable } from "../base/user_code.ts";
import { free } from "./free.ts";
import type { DatagramSocket, ResolvedName } from "./datagram_socket.ts";
import type { Transport, TransportListener } from "./transport.ts";

/** What a network makes. */
interface Kinds {
  readonly Transport: Transport;
  readonly TransportListener: TransportListener;
  readonly DatagramSocket: DatagramSocket;
}

/** What each kind has at least: its methods, and its addresses. */
const MEMBERS: {
  readonly [Kind in keyof Kinds]: readonly [methods: string[], addresses: string[]];
} = {
  Transport: [["read", "write", "closeWrite", "close"], ["localAddr", "remoteAddr"]],
  TransportListener: [["accept", "close"], ["addr"]],
  DatagramSocket: [["receive", "send", "close"], ["addr"]],
};

/**
 * Gives back what was made. What lacks something is freed, where that is possible; what a promise gives, too.
 *
 * @throws {TypeError} It is no such thing.
 * @throws {unknown} What a getter of it throws.
 */
export function checkMade<Kind extends keyof Kinds>(kind: Kind, made: Kinds[Kind]): Kinds[Kind] {
  let missing: string | undefined;
  try {
    if (isThenable(made)) {
      attempt(() => made).then((late) => free(late as Transport), ignore);
      throw new TypeError(`the network must give a ${kind}, not a promise: it must not be async`);
    }
    missing = missingIn(made, kind);
  } catch (error) {
    // An address may be a getter, which may throw.
    free(made as Transport);
    throw error;
  }
  if (missing === undefined) return made;
  free(made as Transport);
  throw new TypeError(`the network must give a ${kind} with ${missing}: got ${shown(made)}`);
}

function missingIn(made: object, kind: keyof Kinds): string | undefined {
  const [methods, addresses] = MEMBERS[kind];
  const members = (made ?? {}) as Record<string, unknown>;
  for (const name of methods) if (typeof members[name] !== "function") return `${name}()`;
  for (const name of addresses) {
    // Asked once: it may be a getter that forgets.
    const address = members[name];
    if (typeof address !== "object" || address === null) return name;
  }
  return undefined;
}

/**
 * What is known of a name; nothing where the network cannot tell.
 *
 * @throws {TypeError} It is no such thing.
 */
export function checkResolved(given: ResolvedName | undefined): ResolvedName {
  if (given === undefined) return { addresses: [], isDirect: false };
  const addresses: unknown = given?.addresses;
  if (Array.isArray(addresses) && addresses.every((ip) => typeof ip === "string")) return given;
  throw new TypeError(
    `the network's resolveName must give addresses, which are texts: got ${shown(given)}`,
  );
}
