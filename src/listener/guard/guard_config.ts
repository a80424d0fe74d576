// The options of a listener that say whom to let in and what to tolerate, checked once.

import {
  checkBoolean,
  checkInteger,
  checkInterval,
  checkLimit,
  MAX_INTERVAL_IN_MILLIS,
} from "../../base/arguments.ts";
import { optionNames, readOptions } from "../../base/options.ts";
import { AddressBlocks } from "./address_blocks.ts";
import { V2_MAX_LENGTH, V2_MAX_LENGTH_OF_ADDRESSES } from "../../proxy/proxy_v2.ts";

/** From whom a listener reads a PROXY protocol header. */
export interface ProxyProtocolConfig {
  /**
   * Addresses and CIDR blocks of the proxies (`"unix:"`: every peer on a Unix socket). Each of their
   * connections must begin with a header.
   */
  readonly trusted: readonly string[];
  /**
   * Whether connections from other addresses are refused. If not, they are clients that connect directly, and a header
   * in what they send is their data.
   *
   * @default {true}
   */
  readonly required?: boolean;
  /**
   * How long a header may take to arrive, from 1 to 2_147_483_647, or `Infinity`.
   *
   * @default {3_000}
   */
  readonly headerTimeoutInMillis?: number;
  /**
   * How many bytes a header may have, from 232 to 65_551.
   *
   * @default {4_096}
   */
  readonly maxHeaderLength?: number;
}

/** Whom a listener lets in, and what it tolerates. Every limit is an integer from 1, or `Infinity`. */
export interface GuardConfig {
  /**
   * How many connections may be open. When the limit is reached, none is accepted until one ends: the backlog waits,
   * nobody is refused. A connection that still has to send a PROXY header or to shake hands is not open yet. From 1, or
   * `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxConnections?: number;
  /**
   * How many connections may be open per address; those of an IPv6 address count for its block, see {@linkcode
   * GuardConfig.ipv6PrefixLength}. More are refused. From 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxConnectionsPerAddress?: number;
  /**
   * How many connections may begin per second. More are accepted only later: the backlog waits, nobody is refused. As
   * many may begin at once after a pause, and one after the other at that pace then. Connections that are refused as soon as they are accepted do not count. From 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxConnectionsPerSecond?: number;
  /**
   * How many connections may begin per second and address. More are refused. As many may begin at once after a pause,
   * and one after the other at that pace then. From 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxConnectionsPerSecondPerAddress?: number;
  /**
   * How many leading bits of an IPv6 address distinguish one client from another, from 1 to 128. A client usually gets
   * a block of 64 bits, so it has as many addresses as it wants.
   *
   * @default {64}
   */
  readonly ipv6PrefixLength?: number;
  /**
   * How many bytes per second must arrive while a read waits for the rest of something that has begun (`read(n)` of
   * which some bytes have arrived, a line without its end), from 0. The connection of a slower sender ends with
   * `"limit"`. A client that has sent nothing is idle, not slow.
   *
   * @default {0}
   */
  readonly minBytesPerSecond?: number;
  /**
   * The waiting time over which `minBytesPerSecond` is measured, from 1 to 2_147_483_647.
   *
   * @default {5_000}
   */
  readonly minRateIntervalInMillis?: number;
  /**
   * How many bytes all connections together may have queued. When a write exceeds it, the connections with the most
   * queued end with `"overflow"` until it fits. From 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxTotalQueuedBytes?: number;
  /**
   * Addresses (`"192.0.2.1"`, `"2001:db8::1"`) and CIDR blocks (`"10.0.0.0/8"`) that are let in; without it, all are.
   * An IPv4 client of a listener on `::` counts as IPv4 here, too. A peer on a Unix socket is let in if the list has
   * `"unix:"`.
   */
  readonly allow?: readonly string[];
  /**
   * Addresses and CIDR blocks that are kept out, even if `allow` has them. So is a peer of a network of your own whose
   * address is no IP address. A peer on a Unix socket passes, unless the list has `"unix:"`.
   */
  readonly deny?: readonly string[];
  /**
   * Reads a PROXY protocol header at the beginning of each connection. All other limits then apply to the client that
   * it names; the proxies themselves are let in because they are trusted.
   */
  readonly proxyProtocol?: ProxyProtocolConfig;
}

/** A checked {@linkcode ProxyProtocolConfig}. */
export interface ProxyProtocolSettings {
  /** Who must send a header. */
  readonly trusted: AddressBlocks;
  /** Whether all others are refused. */
  readonly required: boolean;
  /** How long a header may take. */
  readonly headerTimeoutInMillis: number;
  /** How long a header may be. */
  readonly maxHeaderLength: number;
}

/** A checked {@linkcode GuardConfig}. */
export interface GuardSettings {
  /** How many connections may be open. */
  readonly maxConnections: number;
  /** How many may be open per address. */
  readonly maxConnectionsPerAddress: number;
  /** How many may begin per second. */
  readonly maxConnectionsPerSecond: number;
  /** How many may begin per second and address. */
  readonly maxConnectionsPerSecondPerAddress: number;
  /** How many bits distinguish one IPv6 client from another. */
  readonly ipv6PrefixLength: number;
  /** How fast a sender must be. */
  readonly minBytesPerSecond: number;
  /** The waiting time over which that is measured. */
  readonly minRateIntervalInMillis: number;
  /** How many bytes may be queued in all. */
  readonly maxTotalQueuedBytes: number;
  /** Who is let in. */
  readonly allow: AddressBlocks | undefined;
  /** Who is kept out. */
  readonly deny: AddressBlocks | undefined;
  /** From whom headers are read. */
  readonly proxyProtocol: ProxyProtocolSettings | undefined;
}

/** The fields of a {@linkcode GuardConfig}. */
export const GUARD_OPTIONS = optionNames<GuardConfig>({
  maxConnections: true,
  maxConnectionsPerAddress: true,
  maxConnectionsPerSecond: true,
  maxConnectionsPerSecondPerAddress: true,
  ipv6PrefixLength: true,
  minBytesPerSecond: true,
  minRateIntervalInMillis: true,
  maxTotalQueuedBytes: true,
  allow: true,
  deny: true,
  proxyProtocol: true,
});

const PROXY_OPTIONS = optionNames<ProxyProtocolConfig>({
  trusted: true,
  required: true,
  headerTimeoutInMillis: true,
  maxHeaderLength: true,
});

/**
 * Checks a config and fills in the defaults.
 *
 * @param config What `readOptions` gave.
 * @throws {TypeError} If a value is of the wrong type.
 * @throws {RangeError} If a value is out of its range.
 */
export function resolveGuardConfig(config: GuardConfig): GuardSettings {
  const {
    maxConnections = Infinity,
    maxConnectionsPerAddress = Infinity,
    maxConnectionsPerSecond = Infinity,
    maxConnectionsPerSecondPerAddress = Infinity,
    ipv6PrefixLength = 64,
    minBytesPerSecond = 0,
    minRateIntervalInMillis = 5_000,
    maxTotalQueuedBytes = Infinity,
    allow,
    deny,
    proxyProtocol,
  } = config;
  return {
    maxConnections: checkLimit("maxConnections", maxConnections),
    maxConnectionsPerAddress: checkLimit("maxConnectionsPerAddress", maxConnectionsPerAddress),
    maxConnectionsPerSecond: checkLimit("maxConnectionsPerSecond", maxConnectionsPerSecond),
    maxConnectionsPerSecondPerAddress: checkLimit(
      "maxConnectionsPerSecondPerAddress",
      maxConnectionsPerSecondPerAddress,
    ),
    ipv6PrefixLength: checkInteger("ipv6PrefixLength", ipv6PrefixLength, 1, 128),
    minBytesPerSecond: checkInteger("minBytesPerSecond", minBytesPerSecond, 0),
    // Not Infinity: then nothing would be measured.
    minRateIntervalInMillis: checkInteger(
      "minRateIntervalInMillis",
      minRateIntervalInMillis,
      1,
      MAX_INTERVAL_IN_MILLIS,
    ),
    maxTotalQueuedBytes: checkLimit("maxTotalQueuedBytes", maxTotalQueuedBytes),
    allow: allow === undefined ? undefined : new AddressBlocks(allow, "allow"),
    deny: deny === undefined ? undefined : new AddressBlocks(deny, "deny"),
    proxyProtocol: proxyProtocol === undefined ? undefined : checkProxyProtocol(proxyProtocol),
  };
}

function checkProxyProtocol(config: ProxyProtocolConfig): ProxyProtocolSettings {
  const { trusted, required = true, headerTimeoutInMillis = 3_000, maxHeaderLength = 4_096 } =
    readOptions("proxyProtocol", config, PROXY_OPTIONS);
  return {
    trusted: new AddressBlocks(trusted, "proxyProtocol.trusted"),
    required: checkBoolean("proxyProtocol.required", required),
    headerTimeoutInMillis: checkInterval(
      "proxyProtocol.headerTimeoutInMillis",
      headerTimeoutInMillis,
    ),
    // A header with nothing but addresses must fit, whatever the addresses are.
    maxHeaderLength: checkInteger(
      "proxyProtocol.maxHeaderLength",
      maxHeaderLength,
      V2_MAX_LENGTH_OF_ADDRESSES,
      V2_MAX_LENGTH,
    ),
  };
}
