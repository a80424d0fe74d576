// Whose datagrams a socket hears: all, or those of its peer alone, and never those that must not be answered.
// A socket that only answers, as a listener does, does not hear itself. One that sends by itself may.
//
// The sender of a datagram can be forged. A socket that answers a datagram from its own address gets its own answer,
// answers that, and never ends. Port 0 cannot be answered at all.

import { refusePromise } from "../base/user_code.ts";
import type { Address } from "../base/address.ts";
import { isLoopback, withoutZone } from "../base/ip_address.ts";
import type { Peer } from "./host_names.ts";
import type { Network } from "../network/network.ts";

/** How long this machine's addresses are remembered, in milliseconds: they may change. */
const LIFETIME_IN_MILLIS = 10_000;
/** How many addresses are remembered at most. */
const MAX_ADDRESSES = 256;
/** How many may be looked up in one second: each is a system call, and any may be forged. */
const MAX_LOOKS_PER_SECOND = 64;

/** The settings of a socket that matter here. */
export interface FilterSettings {
  readonly network: Network;
  readonly reuseAddress: boolean;
  readonly multicastLoopback: boolean;
}

/** Whose datagrams one socket hears. */
export class SenderFilter {
  /** The only peer that is heard. */
  peer: Peer | undefined;
  /** Whether a group was joined: then the socket's own datagrams come back, and are not forged. */
  hearsGroups = false;
  readonly #settings: FilterSettings;
  readonly #hearsItself: boolean;
  readonly #known = new Map<string, { isOwn: boolean; until: number }>();
  #second = 0;
  #looks = 0;

  /**
   * @param settings The settings of the socket.
   * @param hearsItself Whether datagrams that seem to come from the socket itself are heard.
   */
  constructor(settings: FilterSettings, hearsItself: boolean) {
    this.#settings = settings;
    this.#hearsItself = hearsItself;
  }

  /**
   * Whether a datagram is heard.
   *
   * @param local The address that the socket is bound to.
   * @param ip The sender's address in its canonical form, with a zone where the engine knows it.
   * @param port The sender's port.
   */
  admits(local: Address, ip: string, port: number): boolean {
    const { peer } = this;
    if (peer !== undefined) return port === peer.port && withoutZone(ip) === peer.ip;
    if (port === 0) return false;
    if (port !== local.port || this.#hearsItself) return true;
    return !this.#isOwn(local.host, ip);
  }

  /** Whether datagrams that the socket sends to its own port at this address come back to it. */
  #isOwn(bound: string, ip: string): boolean {
    const { reuseAddress, multicastLoopback } = this.#settings;
    // Another machine may have this address, and use the same port.
    if (reuseAddress || multicastLoopback && this.hearsGroups) return false;
    if (withoutZone(ip) === withoutZone(bound)) return true;
    if (bound !== "0.0.0.0" && bound !== "::") return false;
    // With its zone: without, the system does not bind a link-local address.
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
    // A loop that begins in this second ends with it.
    if (++this.#looks > MAX_LOOKS_PER_SECOND) return false;
    const isOwn = network.isOwnAddress?.(ip) ?? false;
    refusePromise("isOwnAddress", isOwn);
    this.#known.delete(ip);
    if (this.#known.size >= MAX_ADDRESSES) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(ip, { isOwn, until: now + LIFETIME_IN_MILLIS });
    return isOwn;
  }
}
