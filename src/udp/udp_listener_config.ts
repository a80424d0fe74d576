// How a UdpListener and its sessions behave: its options, checked once.

import { checkHost } from "../base/address.ts";
import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkInterval,
  checkSignal,
} from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { refuseBinding } from "../network/inherited.ts";
import { resolveWatchConfig, type WatchSettings } from "../events/watch_config.ts";
import type { UdpListenerEvent } from "./udp_event.ts";
import { datagramTurnsOf } from "../network/deno/deno_network.ts";
import { checkStopDeadline } from "../listener/life_cycle.ts";
import type { SessionSettings } from "./session_core.ts";
import {
  resolveUdpSocketConfig,
  UDP_OPTIONS,
  type UdpSocketConfig,
  type UdpSocketSettings,
} from "./udp_config.ts";

/** How a {@linkcode UdpListener} and its sessions behave; every field has a default. */
export interface UdpListenerConfig extends UdpSocketConfig {
  /**
   * Host name or IP address of the local interface; by default all of them, so that everybody who can reach this
   * machine can send. `"::"` is both IPv6 and IPv4. The name of an interface, such as `"eth0"`, goes into
   * `networkInterface`.
   *
   * @default {"0.0.0.0"}
   */
  readonly interface?: string;
  /**
   * How many bytes may wait while the service or the iteration is busy or gone. Each datagram counts 256 bytes extra.
   * One datagram may always wait, however long. Those that do not fit are dropped and counted. From 0.
   *
   * @default {4_194_304}
   */
  readonly maxUnreadBytes?: number;
  /**
   * At most this many sessions are open. Datagrams of further peers are dropped and counted. From 0.
   *
   * @default {10_000}
   */
  readonly maxSessions?: number;
  /**
   * A session ends after this long without a datagram of its peer, while none of them is handled by a method of its
   * service, or waits for that. In milliseconds, from 1, or `Infinity`.
   *
   * @default {60_000}
   */
  readonly sessionIdleTimeoutInMillis?: number;
  /**
   * What counts for `sessionIdleTimeoutInMillis`: only datagrams that are `"received"`, or those of `"either"`
   * direction. Sending to a peer that has gone does not fail: with `"either"`, a server that broadcasts keeps its
   * session for ever.
   *
   * @default {"received"}
   */
  readonly sessionIdleBy?: "received" | "either";
  /**
   * How many bytes may wait in one session. Each datagram counts 256 bytes extra. One datagram may always wait, however
   * long, if `maxTotalUnreadBytes` has room for it. From 0.
   *
   * @default {262_144}
   */
  readonly maxUnreadBytesPerSession?: number;
  /**
   * How many bytes may wait in all sessions together. Each datagram counts 256 bytes extra. When there is no room,
   * sessions that keep much lose datagrams before those that keep little. One datagram may always wait where no other
   * does, however long. Lost datagrams are counted. From 0.
   *
   * @default {67_108_864}
   */
  readonly maxTotalUnreadBytes?: number;
  /**
   * Whether lent bytes (those of `onBytes`) are overwritten when the loan ends. This exposes code that has kept them.
   * It costs a little.
   *
   * @default {false}, {true} on the testing networks
   */
  readonly overwriteLentBytes?: boolean;
  /**
   * Whether `start` tells the service manager that the program is ready (`Type=notify` of systemd: a datagram to
   * `NOTIFY_SOCKET`) when it is bound, and rejects if that fails, or if the manager takes nothing for 5 s (Deno's
   * own sockets go on trying: then end the program). Where there is no such variable nothing is sent.
   * Needs `--unstable-net`, or `linuxNetwork`, and `--allow-env=NOTIFY_SOCKET`.
   *
   * @default {false}
   */
  readonly notifyReady?: boolean;
  /**
   * Called for each event, soon after it: a session has begun or is over, a stop. What it throws is printed and ends
   * nothing.
   */
  readonly onEvent?: (event: UdpListenerEvent) => void;
  /** Aborting this signal calls `gracefulStop()`. */
  readonly signal?: AbortSignal;
  /**
   * How long a stop may take that says nothing about it, in milliseconds: one by `signal` or by `await using`. From 1,
   * or `Infinity`.
   *
   * @default {15_000}
   */
  readonly stopDeadlineInMillis?: number;
}

const OPTIONS = [
  ...UDP_OPTIONS,
  ...optionNames<Omit<UdpListenerConfig, keyof UdpSocketConfig>>({
    interface: true,
    maxUnreadBytes: true,
    maxSessions: true,
    sessionIdleTimeoutInMillis: true,
    sessionIdleBy: true,
    maxUnreadBytesPerSession: true,
    maxTotalUnreadBytes: true,
    overwriteLentBytes: true,
    notifyReady: true,
    onEvent: true,
    signal: true,
    stopDeadlineInMillis: true,
  }),
];

/** A checked {@linkcode UdpListenerConfig}. */
export interface UdpListenerSettings {
  /** The local interface. */
  readonly host: string;
  readonly socket: UdpSocketSettings;
  readonly session: SessionSettings;
  readonly maxUnreadBytes: number;
  readonly maxSessions: number;
  readonly maxTotalUnreadBytes: number;
  /** Whether the service manager is told that it is bound. */
  readonly notifyReady: boolean;
  /** Aborting this signal begins a graceful stop. */
  readonly signal: AbortSignal | undefined;
  /** How long a stop may take that says nothing about it. */
  readonly stopDeadlineInMillis: number;
  /** Who hears of events. */
  readonly watch: WatchSettings;
}

/** Checks a config and fills in the defaults. */
export function resolveUdpListenerConfig(config: UdpListenerConfig): UdpListenerSettings {
  const options = readOptions<UdpListenerConfig>("config", config, OPTIONS);
  const socket = resolveUdpSocketConfig(options);
  const {
    interface: host,
    maxUnreadBytes = 4 * 1024 * 1024,
    maxSessions = 10_000,
    sessionIdleTimeoutInMillis = 60_000,
    sessionIdleBy = "received",
    maxUnreadBytesPerSession = 256 * 1024,
    maxTotalUnreadBytes = 64 * 1024 * 1024,
    overwriteLentBytes = socket.network.overwritesLentBytes ?? false,
    notifyReady = false,
    signal,
  } = options;
  refuseBinding(socket.inherited, { interface: host, reusePort: options.reusePort });
  return {
    host: checkHost("interface", host === undefined ? "0.0.0.0" : host),
    socket,
    session: {
      clock: socket.network.clock,
      turns: datagramTurnsOf(socket.network),
      idleTimeoutInMillis: checkInterval("sessionIdleTimeoutInMillis", sessionIdleTimeoutInMillis),
      idleBy: checkChoice("sessionIdleBy", sessionIdleBy, ["received", "either"]),
      queueLimit: checkInteger("maxUnreadBytesPerSession", maxUnreadBytesPerSession, 0),
      drop: socket.receiveQueueDrop,
      limits: socket.limits,
      overwritesLent: checkBoolean("overwriteLentBytes", overwriteLentBytes),
    },
    maxUnreadBytes: checkInteger("maxUnreadBytes", maxUnreadBytes, 0),
    maxSessions: checkInteger("maxSessions", maxSessions, 0),
    maxTotalUnreadBytes: checkInteger("maxTotalUnreadBytes", maxTotalUnreadBytes, 0),
    notifyReady: checkBoolean("notifyReady", notifyReady),
    signal: signal === undefined ? undefined : checkSignal(signal),
    stopDeadlineInMillis: checkStopDeadline(options.stopDeadlineInMillis),
    watch: resolveWatchConfig(options),
  };
}
