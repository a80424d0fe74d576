// Whom a listener lets in: the one place that decides, counts and reports.
//
//   acceptDelay --> accept --> enter --(trusted proxy)--> header --> identify --> open --> leave
//                                \----(everybody else)-------------------------/
//
// Pure: no await, no I/O, and the time is passed in. Memory: one entry per address with a connection, and at most
// RATED_ADDRESSES for the rate per address.

import type { NetworkAddress } from "../../base/address.ts";
import type { ConnectionEnd } from "../../connection/connection_end.ts";
import { codeOf, type SocketError, type SocketErrorCode } from "../../base/errors.ts";
import type { Transport } from "../../network/network.ts";
import { blockName, lacksIpAddress } from "./address_blocks.ts";
import type { GuardSettings } from "./guard_config.ts";
import type { ListenerStats, StageCounts, Traffic } from "./listener_stats.ts";
import type { ProxyHeader } from "../../proxy/proxy_header.ts";
import type { ProxyHeaderError } from "../../proxy/proxy_header_error.ts";
import { RateLimit, RateLimits } from "./rate_limit.ts";
import { REJECT_REASONS, type RejectReason } from "./rejection.ts";

/** Called for each connection that is refused, or ended by a limit. */
export type OnRejected = (
  reason: RejectReason,
  peer: NetworkAddress,
  error: ProxyHeaderError | undefined,
  id: number,
) => void;

/** A connection that was not refused when it was accepted. */
export interface Pass {
  /** The `id` of the connection. */
  readonly id: number;
  /** Where its packets come from: a proxy, if it goes through one. */
  readonly sender: NetworkAddress;
  /** Where it comes from: the proxy until it is identified, then the client. */
  readonly peer: NetworkAddress;
  /** Whether a PROXY protocol header must come before anything else. */
  readonly needsHeader: boolean;
  /** What the proxy has sent, once it has. */
  readonly header: ProxyHeader | undefined;
}

/** A connection that was let in, or is about to be. */
export interface Admission {
  /** Its stream; after the header, if it began with one. */
  readonly transport: Transport;
  /** Its pass, to be returned to the guard when the connection is over. */
  readonly pass: Pass;
  /** When it was accepted, in whole milliseconds. */
  readonly acceptedAt: number;
  /** When its handshake began, if somebody wants to know. */
  shakenAt?: number;
}

class PassRecord implements Pass {
  needsHeader = false;
  header: ProxyHeader | undefined;
  countedAs: string | undefined;
  isOpen = false;
  hasLeft = false;

  constructor(readonly id: number, readonly sender: NetworkAddress) {}

  get peer(): NetworkAddress {
    // If the header names no client, the connection is judged by its own address, or it would not be judged at all.
    return this.header?.source ?? this.sender;
  }
}

/** For how many addresses the rate is known. A hundred bytes each. */
const RATED_ADDRESSES = 10_000;

/** Counts for a stage that no connection has to pass. */
const NONE: StageCounts = { underWay: 0, completed: 0, failed: 0, peak: 0 };

/** Decides, counts and reports for one listener. */
export class Guard {
  /** Called when an open connection has left: there may be room for another one. */
  onRoom: (() => void) | undefined;
  /** The limits. */
  readonly settings: GuardSettings;
  readonly #now: () => number;
  readonly #onRejected: OnRejected | undefined;
  readonly #rate: RateLimit | undefined;
  readonly #addressRates: RateLimits | undefined;
  /** How many connections are open with each address; an address without one has no entry. */
  readonly #perAddress = new Map<string, number>();
  readonly #rejected = new Map<RejectReason, number>();
  readonly #ended = { peer: 0, local: 0, stop: 0, error: 0 };
  /** Only codes that have occurred. */
  readonly #errors: Partial<Record<SocketErrorCode, number>> = {};
  #accepted = 0;
  #open = 0;
  #peak = 0;
  #bytesRead = 0;
  #bytesWritten = 0;

  /**
   * Begins without connections.
   *
   * @param settings The limits.
   * @param now The time in milliseconds; never goes back.
   * @param onRejected Called in the middle of a decision: it must not decide again.
   */
  constructor(settings: GuardSettings, now: () => number, onRejected?: OnRejected) {
    this.settings = settings;
    this.#now = now;
    this.#onRejected = onRejected;
    const { maxConnectionsPerSecond, maxConnectionsPerSecondPerAddress } = this.settings;
    if (maxConnectionsPerSecond !== Infinity) this.#rate = new RateLimit(maxConnectionsPerSecond);
    if (maxConnectionsPerSecondPerAddress !== Infinity) {
      this.#addressRates = new RateLimits(maxConnectionsPerSecondPerAddress, RATED_ADDRESSES);
    }
  }

  /**
   * How long to wait before accepting the next connection, in milliseconds: 0 for no wait, `Infinity` for a wait until
   * one has left. Ask again after the wait.
   */
  acceptDelay(): number {
    return this.hasRoom ? this.#rate?.delay(this.#now()) ?? 0 : Infinity;
  }

  /** Whether another connection may be open. */
  get hasRoom(): boolean {
    return this.#open < this.settings.maxConnections;
  }

  /**
   * Decides about a connection that was accepted.
   *
   * @param peer Where it comes from.
   * @param id The `id` that it will have.
   * @returns Its pass, to be returned by {@linkcode Guard.leave}; `undefined` if it was refused, which was counted and
   * reported, and it is to be freed at once.
   */
  enter(peer: NetworkAddress, id = 0): Pass | undefined {
    const { proxyProtocol } = this.settings;
    const pass = new PassRecord(id, peer);
    let reason: RejectReason | undefined;
    if (proxyProtocol?.trusted.has(peer) === true) pass.needsHeader = true;
    else if (proxyProtocol?.required === true) reason = "untrusted-proxy";
    else reason = this.#admit(pass);
    if (reason !== undefined) {
      this.#reject(pass, reason);
      return undefined;
    }
    this.#rate?.take(this.#now());
    return pass;
  }

  /** Counts a connection as open: its listener has taken it. */
  open(pass: Pass): void {
    (pass as PassRecord).isOpen = true;
    this.#open++;
    if (this.#open > this.#peak) this.#peak = this.#open;
  }

  /**
   * Decides about the client that a trusted proxy has named.
   *
   * @param pass The proxy's pass; from now on it is the client's.
   * @param header What the proxy has sent.
   * @returns Whether the connection is let in; `false` if it was refused, which was counted and reported, and it is to
   * be freed at once, and its pass returned.
   */
  identify(pass: Pass, header: ProxyHeader): boolean {
    const record = pass as PassRecord;
    record.needsHeader = false;
    record.header = header;
    if (header.command === "local") {
      // The proxy itself checks whether this listener works. It is trusted, and not a client.
      this.#accepted++;
      return true;
    }
    const reason = this.#admit(record);
    if (reason !== undefined) this.reject(pass, reason);
    return reason === undefined;
  }

  /**
   * Counts and reports that a connection with a pass is ended. Its pass is still to be returned.
   *
   * @param pass Its pass.
   * @param reason Why.
   * @param error What is wrong with its header.
   */
  reject(pass: Pass, reason: RejectReason, error?: ProxyHeaderError): void {
    this.#reject(pass, reason, error);
  }

  /**
   * Takes a pass back. Taking it back twice is the same as once.
   *
   * @param pass The pass of a connection that has ended.
   * @param traffic How many bytes went over it.
   * @param by What has ended it, if it was open.
   * @param error The error that it has ended with, if any.
   */
  leave(pass: Pass, traffic?: Traffic, by?: ConnectionEnd["by"], error?: SocketError): void {
    const record = pass as PassRecord;
    if (record.hasLeft) return;
    record.hasLeft = true;
    if (by !== undefined) this.#ended[by]++;
    // Safe to ask of anything: a handler may have thrown an error of its own making.
    const code = by === "error" ? codeOf(error) : undefined;
    if (code !== undefined) this.#errors[code] = (this.#errors[code] ?? 0) + 1;
    if (traffic !== undefined) {
      this.#bytesRead += traffic.bytesRead;
      this.#bytesWritten += traffic.bytesWritten;
    }
    const name = record.countedAs;
    if (name !== undefined) {
      const others = this.#perAddress.get(name)! - 1;
      if (others === 0) this.#perAddress.delete(name);
      else this.#perAddress.set(name, others);
    }
    if (!record.isOpen) return;
    this.#open--;
    this.onRoom?.();
  }

  /** How many addresses are remembered: for their open connections, and for their rate. */
  get rememberedAddresses(): { readonly open: number; readonly rated: number } {
    return { open: this.#perAddress.size, rated: this.#addressRates?.size ?? 0 };
  }

  /**
   * What has happened so far.
   *
   * @param connections Those that are open.
   * @param handshakes How those are going, which the guard does not know.
   * @param rests How many times accepting has rested, which it does not know either.
   * @returns A record that does not change.
   */
  stats(
    connections: Iterable<Traffic & { readonly queuedBytes: number }>,
    handshakes: StageCounts = NONE,
    rests = 0,
  ): ListenerStats {
    let [bytesRead, bytesWritten, queuedBytes] = [this.#bytesRead, this.#bytesWritten, 0];
    for (const connection of connections) {
      bytesRead += connection.bytesRead;
      bytesWritten += connection.bytesWritten;
      queuedBytes += connection.queuedBytes;
    }
    const counts = REJECT_REASONS.map((reason) => [reason, this.#rejected.get(reason) ?? 0]);
    return Object.freeze({
      accepted: this.#accepted,
      open: this.#open,
      peak: this.#peak,
      rejected: Object.freeze(Object.fromEntries(counts) as Record<RejectReason, number>),
      ended: Object.freeze({ ...this.#ended }),
      errors: Object.freeze({ ...this.#errors }),
      handshakes: Object.freeze(handshakes),
      bytesRead,
      bytesWritten,
      queuedBytes,
      rests,
    });
  }

  /** Lets a client in, or gives the reason why not. */
  #admit(pass: PassRecord): RejectReason | undefined {
    const { allow, deny, maxConnectionsPerAddress, ipv6PrefixLength } = this.settings;
    // Who has no address may be anybody, so it may be one of those.
    if (deny !== undefined && (deny.has(pass.peer) || lacksIpAddress(pass.peer))) return "denied";
    if (allow?.has(pass.peer) === false) return "not-allowed";
    const isCounted = maxConnectionsPerAddress !== Infinity;
    if (isCounted || this.#addressRates !== undefined) {
      const name = blockName(pass.peer, ipv6PrefixLength);
      if (name !== undefined) {
        const count = this.#perAddress.get(name) ?? 0;
        if (count >= maxConnectionsPerAddress) return "address-limit";
        if (this.#addressRates?.tryTake(name, this.#now()) === false) return "address-rate";
        if (isCounted) {
          this.#perAddress.set(name, count + 1);
          pass.countedAs = name;
        }
      }
    }
    this.#accepted++;
    return undefined;
  }

  #reject({ peer, id }: Pass, reason: RejectReason, error?: ProxyHeaderError): void {
    this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + 1);
    this.#onRejected?.(reason, peer, error, id);
  }
}
