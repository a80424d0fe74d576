// What UdpClient and UdpListener can both be told, checked in one place.

import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkInterval,
  checkObject,
  shown,
} from "../base/arguments.ts";
import { type Address, checkHost, checkPort } from "../base/address.ts";
import type { Network } from "../network/network.ts";
import { denoNetwork } from "../network/deno/deno_network.ts";
import type { DropPolicy } from "./datagram_mailbox.ts";
import type { TakeLimits } from "./datagram_waiters.ts";
import { optionNames, partOf, readOptions } from "../base/options.ts";

/** The largest content of one datagram: what an IPv4 packet leaves for it. */
export const MAX_DATAGRAM_LENGTH = 65_507;

/** What a UDP socket of either kind can be told. */
export interface UdpSocketConfig {
  /** Hears only this host; goes with `remotePort`. A name is looked up once, when the socket is bound. */
  readonly remoteHost?: string;
  /** Hears only this port of `remoteHost`. */
  readonly remotePort?: number;
  /**
   * Which datagram is dropped, and counted, when one comes and the receive queue is full.
   *
   * @default {"newest"}
   */
  readonly receiveQueueDrop?: "newest" | "oldest";
  /**
   * How long `read`, `receiveFrom` and an iteration wait for a datagram: from 1 to 2_147_483_647, or `Infinity`.
   *
   * @default {300_000}
   */
  readonly readTimeoutInMillis?: number;
  /**
   * How many bytes may wait to be sent, each datagram counted with 256 more. What is over it is not sent and
   * rejects with `"overflow"`; one datagram may always wait.
   *
   * @default {16_777_216}
   */
  readonly maxQueuedBytes?: number;
  /**
   * The most bytes that `write` puts into one datagram; longer content is split.
   *
   * @default {8_192}
   */
  readonly datagramSize?: number;
  /**
   * How long closing waits for queued datagrams to leave.
   *
   * @default {5_000}
   */
  readonly closeTimeoutInMillis?: number;
  /**
   * Shares the local address with other sockets that ask for the same.
   *
   * @default {false}
   */
  readonly reuseAddress?: boolean;
  /**
   * Whether this host too hears what is sent to a multicast group.
   *
   * @default {true}
   */
  readonly multicastLoopback?: boolean;
  /** Through how many routers what is sent to an IPv4 group may go, from 1 to 255; the system's default is 1. */
  readonly multicastTimeToLive?: number;
  /**
   * Where what is sent to a group leaves: an IPv4 interface's address, an IPv6 interface's index. Needs
   * {@linkcode nodeNetwork}. A socket that is bound to an interface's address sends there without it.
   */
  readonly multicastInterface?: string | number;
  /** Through how many routers an IPv4 datagram may go, from 1 to 255. Needs {@linkcode nodeNetwork}. */
  readonly timeToLive?: number;
  /**
   * What the socket is made by.
   *
   * @default {denoNetwork}
   */
  readonly network?: Network;
}

/** The fields of a {@linkcode UdpSocketConfig}. */
export const UDP_OPTIONS = optionNames<UdpSocketConfig>({
  remoteHost: true,
  remotePort: true,
  receiveQueueDrop: true,
  readTimeoutInMillis: true,
  maxQueuedBytes: true,
  datagramSize: true,
  closeTimeoutInMillis: true,
  reuseAddress: true,
  multicastLoopback: true,
  multicastTimeToLive: true,
  multicastInterface: true,
  timeToLive: true,
  network: true,
});

/** A checked {@linkcode UdpSocketConfig}. */
export interface UdpSocketSettings {
  readonly peer: Address | undefined;
  readonly receiveQueueDrop: DropPolicy;
  /** How a receive waits. */
  readonly limits: TakeLimits;
  readonly maxQueuedBytes: number;
  readonly datagramSize: number;
  readonly closeTimeoutInMillis: number;
  readonly reuseAddress: boolean;
  readonly multicastLoopback: boolean;
  readonly multicastTimeToLive: number | undefined;
  readonly multicastInterface: string | number | undefined;
  readonly timeToLive: number | undefined;
  readonly network: Network;
}

/** Checks a config and fills in the defaults. */
export function resolveUdpSocketConfig(config: UdpSocketConfig): UdpSocketSettings {
  const {
    remoteHost,
    remotePort,
    receiveQueueDrop = "newest",
    readTimeoutInMillis = 300_000,
    maxQueuedBytes = 16 * 1024 * 1024,
    datagramSize = 8_192,
    closeTimeoutInMillis = 5_000,
    reuseAddress = false,
    multicastLoopback = true,
    multicastTimeToLive,
    multicastInterface,
    timeToLive,
    network = denoNetwork,
  } = partOf("config", config, UDP_OPTIONS);
  if ((remoteHost === undefined) !== (remotePort === undefined)) {
    throw new TypeError(
      `remoteHost and remotePort go together: got ${shown(remoteHost)} and ${shown(remotePort)}`,
    );
  }
  return {
    peer: remoteHost === undefined ? undefined : {
      host: checkHost("remoteHost", remoteHost),
      port: checkPort("remotePort", remotePort, 1),
    },
    receiveQueueDrop: checkChoice("receiveQueueDrop", receiveQueueDrop, ["newest", "oldest"]),
    limits: {
      timeoutInMillis: checkInterval("readTimeoutInMillis", readTimeoutInMillis),
      signal: undefined,
    },
    maxQueuedBytes: checkInteger("maxQueuedBytes", maxQueuedBytes, 0),
    datagramSize: checkInteger("datagramSize", datagramSize, 1, MAX_DATAGRAM_LENGTH),
    closeTimeoutInMillis: checkInterval("closeTimeoutInMillis", closeTimeoutInMillis),
    reuseAddress: checkBoolean("reuseAddress", reuseAddress),
    multicastLoopback: checkBoolean("multicastLoopback", multicastLoopback),
    multicastTimeToLive: multicastTimeToLive === undefined
      ? undefined
      : checkInteger("multicastTimeToLive", multicastTimeToLive, 1, 255),
    multicastInterface: multicastInterface === undefined
      ? undefined
      : checkInterface("multicastInterface", multicastInterface),
    timeToLive: timeToLive === undefined
      ? undefined
      : checkInteger("timeToLive", timeToLive, 1, 255),
    network: checkObject("network", network),
  };
}

/** Checks how a network interface is named. */
export function checkInterface(name: string, value: unknown): string | number {
  return typeof value === "number" ? checkInteger(name, value, 0) : checkHost(name, value);
}

/** How a {@linkcode UdpClient} is made. */
export interface UdpClientConfig extends UdpSocketConfig {
  /**
   * With 0, a datagram is received when somebody waits for it, and the others wait in the system's buffer,
   * which drops what does not fit and tells nobody. With more, everything is received at once and up to so
   * many bytes wait here, each datagram counted with 256 more; what does not fit is dropped and counted.
   *
   * @default {0}
   */
  readonly maxUnreadBytes?: number;
}

const CLIENT_OPTIONS = [
  ...UDP_OPTIONS,
  ...optionNames<Omit<UdpClientConfig, keyof UdpSocketConfig>>({ maxUnreadBytes: true }),
];

/** Checks the config of a client and fills in the defaults. */
export function resolveUdpClientConfig(
  config: UdpClientConfig,
): UdpSocketSettings & { readonly maxUnreadBytes: number } {
  const options = readOptions<UdpClientConfig>("config", config, CLIENT_OPTIONS);
  const { maxUnreadBytes = 0 } = options;
  return {
    ...resolveUdpSocketConfig(options),
    maxUnreadBytes: checkInteger("maxUnreadBytes", maxUnreadBytes, 0),
  };
}
