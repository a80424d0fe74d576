// How a listener behaves: its options, checked once.

import { checkHost, checkPath, checkPort, isAbstract } from "../base/address.ts";
import { checkBoolean, checkInteger, checkSignal } from "../base/arguments.ts";
import {
  CONNECTION_OPTIONS,
  type ConnectionConfig,
  ConnectionSettings,
} from "../connection/connection_config.ts";
import {
  GUARD_OPTIONS,
  type GuardConfig,
  type GuardSettings,
  resolveGuardConfig,
} from "./guard/guard_config.ts";
import { checkStopDeadline } from "./life_cycle.ts";
import { resolveWatchConfig, type WatchSettings } from "../events/watch_config.ts";
import type { ListenerEvent } from "./listener_event.ts";
import { checkInherited, type Inherited, refuseBinding } from "../network/inherited.ts";
import type { Network } from "../network/network.ts";
import {
  BUFFER_SIZE_OPTIONS,
  refuseWithPath,
  resolveSocketOptions,
  type SocketOptions,
  TCP_OPTIONS,
  type TcpConfig,
} from "../network/socket_options.ts";
import { denoNetwork } from "../network/deno/deno_network.ts";
import { optionNames, readOptions } from "../base/options.ts";
import {
  LISTENER_TLS_OPTIONS,
  type ListenerSecureSocketConfig,
  type ListenerSecureSocketSettings,
  resolveListenerSecureSocket,
} from "../tls/listener_secure_socket_config.ts";

/** How a listener and its connections behave; every field has a default. */
export interface ListenerConfig extends ConnectionConfig, GuardConfig, TcpConfig {
  /**
   * Host name or IP address of the local interface to listen on; by default all of them, so that everybody who can
   * reach this machine can connect. `"::"` stands for both IPv6 and IPv4. The name of an interface, such as `"eth0"`,
   * goes into `networkInterface`.
   *
   * @default {"0.0.0.0"}
   */
  readonly interface?: string;
  /**
   * How many connections the system keeps until they are accepted. From 1 to 2_147_483_647.
   *
   * @default {4_096}
   */
  readonly backlog?: number;
  /**
   * Whether other processes of the same user may listen on the same address and also set this: the system gives each
   * its part of the connections. A connection that is in the backlog of a process that ends is lost; a stop accepts
   * those first. Where Deno was started without `--unstable-net`, it uses `node:net`, whose streams cost more.
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /**
   * Listens on a socket that the process was started with, instead of binding one: `"auto"` is the one that the
   * service manager has handed over (`LISTEN_FDS`), or binds as the other options say where there is none; a name is
   * one of `LISTEN_FDNAMES`; a number is that of the descriptor. Of several with one name, each listener gets the next.
   * Without `linuxNetwork`, what was taken is known within one worker only: let one of them, or the main program, take
   * each.
   * A stop closes it here and accepts nothing more: what is in its backlog belongs to whoever else has it. So it
   * cannot be started again. It uses `node:net`, whose streams cost more; `linuxNetwork` does not. Reading the
   * variables needs `--allow-env=LISTEN_FDS,LISTEN_PID,LISTEN_FDNAMES`.
   *
   * @default it binds
   */
  readonly inherited?: "auto" | number | string;
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
   * Path of a local (Unix) socket to listen on, instead of an interface and a port; the port must be 0. A name that
   * begins with a NUL character is abstract (Linux). A file on which nobody listens is replaced. While starting, it
   * needs a folder beside the file, with the same path and `~` appended.
   */
  readonly path?: string;
  /**
   * Mode bits of the socket's file, such as `0o660`: users that may write to it may connect. They are set before the
   * file appears at its path. From 0 to `0o777`.
   *
   * @default what the umask of the process leaves
   */
  readonly pathMode?: number;
  /** Makes connections secure (TLS). */
  readonly secureSocket?: ListenerSecureSocketConfig;
  /**
   * Called for each event: a connection that was opened, refused or has ended, a certificate that was reloaded, a stop.
   * It is called soon after the event, in a turn of its own; what it throws is printed and ends nothing.
   */
  readonly onEvent?: (event: ListenerEvent) => void;
  /**
   * Whether OpenTelemetry gets metrics and a span for each connection. Its standard API must be registered before the
   * start: by Deno with `OTEL_DENO=true`, or by the packages of OpenTelemetry. Where it is not, nothing is done.
   *
   * @default {false}
   */
  readonly telemetry?: boolean;
  /** Its abort is `gracefulStop()`. */
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
  ...CONNECTION_OPTIONS,
  ...GUARD_OPTIONS,
  ...TCP_OPTIONS,
  ...optionNames<
    Omit<ListenerConfig, keyof ConnectionConfig | keyof GuardConfig | keyof TcpConfig>
  >({
    interface: true,
    backlog: true,
    reusePort: true,
    inherited: true,
    notifyReady: true,
    path: true,
    pathMode: true,
    secureSocket: true,
    onEvent: true,
    telemetry: true,
    signal: true,
    stopDeadlineInMillis: true,
  }),
];

/** The checked config of a listener. */
export interface ListenerSettings {
  /** The port asked for, or 0 if the system may choose. */
  readonly port: number;
  /** The local interface. */
  readonly hostname: string;
  /** The path of a local socket, instead of both. */
  readonly path: string | undefined;
  /** The mode bits of its file. */
  readonly pathMode: number | undefined;
  /** How many connections the system keeps. */
  readonly backlog: number;
  /** What else the socket and those of its connections are set to. */
  readonly socket: SocketOptions;
  /** Which socket that was handed over it listens on, if it does not bind one. */
  readonly inherited: Inherited | undefined;
  /** Whether the service manager is told that it is bound. */
  readonly notifyReady: boolean;
  /** Who hears of events. */
  readonly watch: WatchSettings;
  /** Its abort is a graceful stop. */
  readonly signal: AbortSignal | undefined;
  /** How long a stop may take that says nothing about it. */
  readonly stopDeadlineInMillis: number;
  /** The network below. */
  readonly network: Network;
  /** The config of all its connections. */
  readonly connection: ConnectionSettings;
  /** Whom it lets in. */
  readonly guard: GuardSettings;
  /** What makes its connections secure, if they are. */
  readonly secureSocket: ListenerSecureSocketSettings | undefined;
}

/** Reads the config of a listener, each field once, checks it and fills in the defaults. */
export function resolveListenerConfig(port: number, config: ListenerConfig): ListenerSettings {
  const options = readOptions<ListenerConfig>("config", config, OPTIONS, {
    secureSocket: LISTENER_TLS_OPTIONS,
  });
  const { interface: hostname, backlog = 4_096, network = denoNetwork } = options;
  const { path, signal, secureSocket } = options;
  if (path !== undefined && (port !== 0 || hostname !== undefined)) {
    throw new TypeError("config must have a path, or an interface and a port, not both");
  }
  if (path !== undefined) refuseWithPath(options);
  const { inherited, notifyReady = false } = options;
  const { reusePort } = options;
  refuseBinding(inherited, { port: port || undefined, interface: hostname, path, reusePort });
  const connection = new ConnectionSettings(options);
  const guard = resolveGuardConfig(options);
  if (connection.maxBytesReadPerSecond < guard.minBytesPerSecond) {
    throw new RangeError(
      `maxBytesReadPerSecond must not be less than minBytesPerSecond, ${guard.minBytesPerSecond}: got ` +
        connection.maxBytesReadPerSecond,
    );
  }
  return {
    port: checkPort("port", port, 0),
    hostname: checkHost("interface", hostname === undefined ? "0.0.0.0" : hostname),
    path: path === undefined ? undefined : checkPath("path", path),
    pathMode: checkPathMode(options),
    backlog: checkInteger("backlog", backlog, 1, 2_147_483_647),
    socket: resolveSocketOptions(
      options,
      path === undefined ? [...TCP_OPTIONS, "reusePort"] : BUFFER_SIZE_OPTIONS,
    ),
    inherited: inherited === undefined ? undefined : checkInherited("inherited", inherited),
    notifyReady: checkBoolean("notifyReady", notifyReady),
    watch: resolveWatchConfig(options),
    signal: signal === undefined ? undefined : checkSignal(signal),
    stopDeadlineInMillis: checkStopDeadline(options.stopDeadlineInMillis),
    network,
    connection,
    guard,
    secureSocket: secureSocket === undefined
      ? undefined
      : resolveListenerSecureSocket(secureSocket),
  };
}

function checkPathMode({ path, pathMode }: ListenerConfig): number | undefined {
  if (pathMode === undefined) return undefined;
  if (path === undefined || isAbstract(path)) {
    throw new TypeError("pathMode must go with a path that is a file");
  }
  return checkInteger("pathMode", pathMode, 0, 0o777);
}
