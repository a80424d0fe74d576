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
import { turnsOf } from "../network/deno/deno_network.ts";
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
   * Host name or IP address of the local interface. `"::"` is both IPv6 and IPv4.
   *
   * @default {"0.0.0.0"}
   */
  readonly interface?: string;
  /**
   * How many bytes wait while the service or the iteration is busy or has left, each datagram counted with 256 more.
   * What does not fit is dropped and counted.
   *
   * @default {4_194_304}
   */
  readonly maxUnreadBytes?: number;
  /**
   * How many sessions there may be. Datagrams of further peers are dropped and counted.
   *
   * @default {10_000}
   */
  readonly maxSessions?: number;
  /**
   * After how long without a datagram of its peer a session ends.
   *
   * @default {60_000}
   */
  readonly sessionIdleTimeoutInMillis?: number;
  /**
   * What counts for `sessionIdleTimeoutInMillis`: datagrams that are `"received"`, or those of `"either"` direction.
   * A peer that has gone is sent to as one that is there: by `"either"` a server that broadcasts never loses it.
   *
   * @default {"received"}
   */
  readonly sessionIdleBy?: "received" | "either";
  /**
   * How many bytes wait in one session, each datagram counted with 256 more.
   *
   * @default {262_144}
   */
  readonly maxUnreadBytesPerSession?: number;
  /**
   * How many bytes wait in all sessions together, each datagram counted with 256 more. Where there is no room,
   * sessions that keep much lose datagrams, which are counted, before those that keep little.
   *
   * @default {67_108_864}
   */
  readonly maxTotalUnreadBytes?: number;
  /**
   * Whether lent bytes (those of `onBytes`) are overwritten when the loan ends, so that whoever has kept them finds
   * out. It costs a little.
   *
   * @default {false}, {true} on the testing networks
   */
  readonly overwriteLentBytes?: boolean;
  /** Its abort is `gracefulStop()`. */
  readonly signal?: AbortSignal;
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
    signal: true,
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
  /** Its abort is a graceful stop. */
  readonly signal: AbortSignal | undefined;
}

/** Checks a config and fills in the defaults. */
export function resolveUdpListenerConfig(config: UdpListenerConfig): UdpListenerSettings {
  const options = readOptions<UdpListenerConfig>("config", config, OPTIONS);
  const socket = resolveUdpSocketConfig(options);
  const {
    interface: host = "0.0.0.0",
    maxUnreadBytes = 4 * 1024 * 1024,
    maxSessions = 10_000,
    sessionIdleTimeoutInMillis = 60_000,
    sessionIdleBy = "received",
    maxUnreadBytesPerSession = 256 * 1024,
    maxTotalUnreadBytes = 64 * 1024 * 1024,
    overwriteLentBytes = socket.network.overwritesLentBytes ?? false,
    signal,
  } = options;
  return {
    host: checkHost("interface", host),
    socket,
    session: {
      clock: socket.network.clock,
      turns: turnsOf(socket.network),
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
    signal: signal === undefined ? undefined : checkSignal(signal),
  };
}
