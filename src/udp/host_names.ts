// The host names that one socket sends to. They are looked up once and remembered for a short time: the runtime would
// ask the resolver for each datagram.

import type { Clock, Network, ResolvedName } from "../network/network.ts";
import { checkResolved } from "../network/made.ts";
import { type Address, formatAddress } from "../base/address.ts";
import { GenericError } from "../base/errors.ts";
import { denialOf } from "../base/permission_advice.ts";
import { setupError } from "../base/setup_error.ts";
import { canonicalIp, ipVersion, withoutZone } from "../base/ip_address.ts";

/** How long a name is remembered, in milliseconds: the system's resolver does not say how long they are valid. */
export const NAME_LIFETIME_IN_MILLIS = 10_000;
/** How many names are remembered at most; the one that was asked for first is dropped first. */
const MAX_NAMES = 256;

/** The only peer that is heard. */
export interface Peer {
  /** The address that datagrams for it are sent to. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** Its address as received datagrams show it. */
  readonly ip: string;
}

/** The names of one socket. */
export class HostNames {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #known = new Map<string, { resolved: ResolvedName; until: number }>();
  readonly #asked = new Map<string, Promise<ResolvedName>>();

  /** @param network Looks the names up. */
  constructor(network: Network) {
    this.#network = network;
    this.#clock = network.clock;
  }

  /** The remembered address of a name, or `undefined`. */
  recall(hostname: string, port: number): ResolvedName | undefined {
    const key = formatAddress(hostname, port);
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    if (this.#clock.now() < known.until) return known.resolved;
    this.#known.delete(key);
    return undefined;
  }

  /** Looks a name up; all callers until then get the same answer. A failure is not remembered. */
  lookUp(hostname: string, port: number, family: 0 | 4 | 6): Promise<ResolvedName> {
    const key = formatAddress(hostname, port);
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#ask(key, hostname, port, family);
      this.#asked.set(key, asked);
    }
    return asked;
  }

  /** The address of a peer: the one given, or the one of its name. */
  peerAt(peer: Address, family: 0 | 4 | 6): Peer | Promise<Peer> {
    if (ipVersion(peer.host) === 0) return this.#find(peer, family);
    return { ...peer, ip: withoutZone(peer.host) };
  }

  async #find({ host, port }: Address, family: 0 | 4 | 6): Promise<Peer> {
    const action = `Cannot look up ${host}`;
    const { addresses: [address], isDirect } = await this.lookUp(host, port, family).catch(
      (error) => {
        throw setupError(action, error);
      },
    );
    if (address === undefined) {
      const denial = denialOf("net", host);
      const advice = denial === undefined ? `run with --allow-net=${host} or` : `${denial};`;
      throw new GenericError(
        "denied",
        `${action}: no permission, ${advice} give its IP address`,
      );
    }
    const ip = canonicalIp(address) ?? address;
    return { host: isDirect ? ip : host, port, ip: withoutZone(ip) };
  }

  async #ask(
    key: string,
    hostname: string,
    port: number,
    family: 0 | 4 | 6,
  ): Promise<ResolvedName> {
    try {
      const resolved = checkResolved(
        await this.#network.resolveName?.(hostname, port, family),
      );
      if (this.#known.size >= MAX_NAMES) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(key, { resolved, until: this.#clock.now() + NAME_LIFETIME_IN_MILLIS });
      return resolved;
    } finally {
      this.#asked.delete(key);
    }
  }
}
