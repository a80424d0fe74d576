// The options that UdpClient and UdpListener share, checked in one place.

import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkInterval,
  checkObject,
  shown,
} from "../base/arguments.ts";
import { type Address, checkHost, checkPort } from "../base/address.ts";
import { checkInherited, type Inherited } from "../network/inherited.ts";
import type { Network } from "../network/network.ts";
import {
  PACKET_OPTIONS,
  type PacketConfig,
  resolveSocketOptions,
  type SocketOptions,
} from "../network/socket_options.ts";
import { canonicalIp, ipVersion } from "../base/ip_address.ts";
import { resolveWatchConfig, type WatchSettings } from "../events/watch_config.ts";
import type { UdpClientEvent } from "./udp_event.ts";
import { denoNetwork } from "../network/deno/deno_network.ts";
import type { DropPolicy } from "./datagram_mailbox.ts";
import type { TakeLimits } from "./datagram_waiters.ts";
import { type OptionNames, optionNames, partOf, readOptions } from "../base/options.ts";

/** The largest content of one datagram: what an IPv4 packet leaves for it. */
export const MAX_DATAGRAM_LENGTH = 65_507;

/** The options of a UDP socket of either kind. */
export interface UdpSocketConfig extends PacketConfig {
  /** Hears only this host; goes with `remotePort`. A name is looked up once, when the socket is bound. */
  readonly remoteHost?: string;
  /** Hears only this port of `remoteHost`. From 1 to 65_535. */
  readonly remotePort?: number;
  /**
   * Which datagram is dropped and counted when one arrives and the receive queue is full.
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
   * How many bytes may wait to be sent. Each datagram counts 256 bytes extra. A datagram above the limit is not sent:
   * its call rejects with `"overflow"`. One datagram may always wait. From 0.
   *
   * @default {16_777_216}
   */
  readonly maxQueuedBytes?: number;
  /**
   * `write` puts at most this many bytes into one datagram. Longer content is split. From 1 to 65_507.
   *
   * @default {8_192}
   */
  readonly datagramSize?: number;
  /**
   * How long closing waits for queued datagrams to leave; a stop of a listener waits until its own deadline. In
   * milliseconds, from 1, or `Infinity`.
   *
   * @default {5_000}
   */
  readonly closeTimeoutInMillis?: number;
  /**
   * Shares the local address with other sockets that also set this.
   *
   * @default {false}
   */
  readonly reuseAddress?: boolean;
  /**
   * Whether this host also hears what the socket sends to a multicast group.
   *
   * @default {true}
   */
  readonly multicastLoopback?: boolean;
  /** How many routers a datagram to an IPv4 group may pass, from 1 to 255; the system's default is 1. */
  readonly multicastTimeToLive?: number;
  /**
   * The interface that sends to groups: the address of an IPv4 interface, or the index of an IPv6 interface, up to
   * 2_147_483_647. Needs {@linkcode nodeNetwork}. A socket bound to an interface's address sends from there without this option.
   */
  readonly multicastInterface?: string | number;
  /**
   * Whether other processes of the same user may bind the same address and also set this: the system gives all that
   * one peer sends to the same of them. Needs `linuxNetwork`.
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /**
   * Uses a bound socket that the process was started with, instead of binding one: `"auto"` is the one that the service
   * manager has handed over (`LISTEN_FDS`), or binds where there is none; a name is one of `LISTEN_FDNAMES`; a number
   * is that of the descriptor. Of several with one name, each gets the next. Once it is closed it cannot be used again.
   * Needs `linuxNetwork`, and `--allow-env=LISTEN_FDS,LISTEN_PID,LISTEN_FDNAMES` to read the variables.
   *
   * @default it binds
   */
  readonly inherited?: "auto" | number | string;
  /**
   * Whether OpenTelemetry gets metrics, and a span for each session, as for `ListenerConfig.telemetry`.
   *
   * @default {false}
   */
  readonly telemetry?: boolean;
  /**
   * The network that makes the socket.
   *
   * @default {denoNetwork}
   */
  readonly network?: Network;
}

/** The fields of a {@linkcode UdpSocketConfig}. */
export const UDP_OPTIONS: OptionNames<UdpSocketConfig> = [
  ...PACKET_OPTIONS,
  ...optionNames<Omit<UdpSocketConfig, keyof PacketConfig>>({
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
    reusePort: true,
    inherited: true,
    telemetry: true,
    network: true,
  }),
];

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
  /** What else the socket is set to. */
  readonly socket: SocketOptions;
  /** Which socket that was handed over it uses, if it does not bind one. */
  readonly inherited: Inherited | undefined;
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
    inherited,
    network = denoNetwork,
    ...others
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
    socket: resolveSocketOptions(others, [...PACKET_OPTIONS, "reusePort"]),
    inherited: inherited === undefined ? undefined : checkInherited("inherited", inherited),
    network: checkObject("network", network),
  };
}

/** The largest index of a network interface. More than 32 bits would name another one. */
const MAX_INTERFACE_INDEX = 2_147_483_647;

/** Checks how a network interface is named. */
export function checkInterface(name: string, value: unknown): string | number {
  if (typeof value === "number") return checkInteger(name, value, 0, MAX_INTERFACE_INDEX);
  const address = typeof value === "string" ? canonicalIp(value) : undefined;
  if (address !== undefined && ipVersion(address) === 4) return address;
  throw new TypeError(
    `${name} must be the address of an IPv4 interface, or the index of an IPv6 one: got ${
      shown(value)
    }`,
  );
}

/** How a {@linkcode UdpClient} is made. */
export interface UdpClientConfig extends UdpSocketConfig {
  /**
   * With 0, a datagram is received only when a call waits for it. The others wait in the system's buffer, which drops
   * what does not fit and reports nothing. With more, every datagram is received at once, and at most this many bytes
   * wait here. Each datagram counts 256 bytes extra. One datagram may always wait, however long. What does not fit is
   * dropped and counted. From 0.
   *
   * @default {0}
   */
  readonly maxUnreadBytes?: number;
  /** Called for each event, soon after it: it is bound, it is over. What it throws is printed and ends nothing. */
  readonly onEvent?: (event: UdpClientEvent) => void;
}

const CLIENT_OPTIONS = [
  ...UDP_OPTIONS,
  ...optionNames<Omit<UdpClientConfig, keyof UdpSocketConfig>>({
    maxUnreadBytes: true,
    onEvent: true,
  }),
];

/** Checks the config of a client and fills in the defaults. */
export function resolveUdpClientConfig(
  config: UdpClientConfig,
): UdpSocketSettings & { readonly maxUnreadBytes: number; readonly watch: WatchSettings } {
  const options = readOptions<UdpClientConfig>("config", config, CLIENT_OPTIONS);
  const { maxUnreadBytes = 0 } = options;
  return {
    ...resolveUdpSocketConfig(options),
    maxUnreadBytes: checkInteger("maxUnreadBytes", maxUnreadBytes, 0),
    watch: resolveWatchConfig(options),
  };
}
