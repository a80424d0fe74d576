// Whose datagrams a socket hears: everybody's, or its peer's alone, and never those that no answer may follow.
// Who only answers, as a listener's service, does not hear itself; who sends of his own accord may.
//
// The sender of a datagram is whatever somebody has written there. Who answers one that seems to come from himself
// gets his answer, answers that one, and never ends. And from port 0 nobody can be asked or answered.

import type { Address } from "../base/address.ts";
import { isLoopback } from "../base/ip_address.ts";
import type { Peer } from "./host_names.ts";
import type { Network } from "../network/network.ts";

/** For how long it is remembered which addresses are this machine's, in milliseconds: they change now and then. */
const LIFETIME_IN_MILLIS = 10_000;
/** How many addresses are remembered at most. */
const MAX_ADDRESSES = 256;
/** How many are asked for in one second at most: each is a call of the system, and any may be forged. */
const MAX_LOOKS_PER_SECOND = 64;

/** What a socket was told that matters here. */
export interface FilterSettings {
  readonly network: Network;
  readonly reuseAddress: boolean;
  readonly multicastLoopback: boolean;
}

/** Whose datagrams one socket hears. */
export class SenderFilter {
  /** The peer that is heard alone. */
  peer: Peer | undefined;
  /** Whether a group is heard: what the socket sends there comes back, which is no forgery. */
  hearsGroups = false;
  readonly #settings: FilterSettings;
  readonly #hearsItself: boolean;
  readonly #known = new Map<string, { isOwn: boolean; until: number }>();
  #second = 0;
  #looks = 0;

  /**
   * @param settings What the socket was told.
   * @param hearsItself Whether what seems to come from the socket itself is heard.
   */
  constructor(settings: FilterSettings, hearsItself: boolean) {
    this.#settings = settings;
    this.#hearsItself = hearsItself;
  }

  /**
   * Whether a datagram is heard.
   *
   * @param local Where the socket is bound.
   * @param ip The sender's address, in its one spelling.
   * @param port The sender's port.
   */
  admits(local: Address, ip: string, port: number): boolean {
    const { peer } = this;
    if (peer !== undefined) return port === peer.port && ip === peer.ip;
    if (port === 0) return false;
    return port !== local.port || this.#hearsItself || !this.#isOwn(local.host, ip);
  }

  /** Whether what the socket sends to its own port at this address comes back to it. */
  #isOwn(bound: string, ip: string): boolean {
    const { reuseAddress, multicastLoopback } = this.#settings;
    // Others may have this port as well, and be at this address.
    if (reuseAddress || multicastLoopback && this.hearsGroups) return false;
    if (ip === bound) return true;
    if (bound !== "0.0.0.0" && bound !== "::") return false;
    return isLoopback(ip) || this.#isOfThisMachine(ip);
  }

  #isOfThisMachine(ip: string): boolean {
    const { network } = this.#settings;
    const now = network.clock.now();
    const known = this.#known.get(ip);
    if (known !== undefined && now < known.until) return known.isOwn;
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#looks = 0;
    }
    // A loop that begins meanwhile ends with the second.
    if (++this.#looks > MAX_LOOKS_PER_SECOND) return false;
    const isOwn = network.isOwnAddress?.(ip) ?? false;
    this.#known.delete(ip);
    if (this.#known.size >= MAX_ADDRESSES) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(ip, { isOwn, until: now + LIFETIME_IN_MILLIS });
    return isOwn;
  }
}
