// How a listener behaves: its options, checked once.

import { checkHost, checkPath, checkPort, isAbstract } from "../base/address.ts";
import {
  checkFunction,
  checkInteger,
  checkSignal,
  MAX_INTERVAL_IN_MILLIS,
  shown,
} from "../base/arguments.ts";
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
import type { ListenerEvent } from "./listener_event.ts";
import type { Network } from "../network/network.ts";
import { denoNetwork } from "../network/deno/deno_network.ts";
import { optionNames, readOptions } from "../base/options.ts";
import {
  type ListenerSecureSocketConfig,
  type ListenerSecureSocketSettings,
  resolveListenerSecureSocket,
} from "../tls/listener_secure_socket_config.ts";

/** How a listener and its connections behave; every field has a default. */
export interface ListenerConfig extends ConnectionConfig, GuardConfig {
  /**
   * Host name or IP address of the local interface to listen on. `"::"` stands for both IPv6 and IPv4.
   *
   * @default {"0.0.0.0"}
   */
  readonly interface?: string;
  /**
   * How many connections the system keeps until they are accepted.
   *
   * @default {4_096}
   */
  readonly backlog?: number;
  /**
   * After how long without a byte the system checks whether a caller is still there, in milliseconds from 1000, or
   * `"system"` for its own time (on Linux two hours, `net.ipv4.tcp_keepalive_time`). A connection whose peer does not
   * answer ends with `"broken"`, if it is being read. Deno's sockets only have `"system"`: with a number `start`
   * rejects with `"unsupported"` there.
   *
   * @default never
   */
  readonly keepAliveInMillis?: number | "system";
  /**
   * Path of a local (Unix) socket to listen on, instead of an interface and a port; the port must be 0. A name that
   * begins with a NUL character is abstract (Linux). A file on which nobody listens is replaced. While starting, it
   * needs a folder beside the file, with the same path and `~` appended.
   */
  readonly path?: string;
  /**
   * Mode bits of the socket's file, such as `0o660`: users that may write to it may connect. They are set before the
   * file appears at its path.
   *
   * @default what the umask of the process leaves
   */
  readonly pathMode?: number;
  /** Makes connections secure (TLS). */
  readonly secureSocket?: ListenerSecureSocketConfig;
  /** Called for events that are not the service's: a connection that was refused, a certificate that was reloaded. */
  readonly onEvent?: (event: ListenerEvent) => void;
  /** Its abort is `gracefulStop()`. */
  readonly signal?: AbortSignal;
}

const OPTIONS = [
  ...CONNECTION_OPTIONS,
  ...GUARD_OPTIONS,
  ...optionNames<Omit<ListenerConfig, keyof ConnectionConfig | keyof GuardConfig>>({
    interface: true,
    backlog: true,
    keepAliveInMillis: true,
    path: true,
    pathMode: true,
    secureSocket: true,
    onEvent: true,
    signal: true,
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
  /** After how long the system checks whether peers are still there. */
  readonly keepAliveInMillis: number | "system" | undefined;
  /** Called for events. */
  readonly onEvent: ((event: ListenerEvent) => void) | undefined;
  /** Its abort is a graceful stop. */
  readonly signal: AbortSignal | undefined;
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
  const options = readOptions<ListenerConfig>("config", config, OPTIONS);
  const { interface: hostname, backlog = 4_096, network = denoNetwork } = options;
  const { path, onEvent, signal, secureSocket } = options;
  if (path !== undefined && (port !== 0 || hostname !== undefined)) {
    throw new TypeError("config must have a path, or an interface and a port, not both");
  }
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
    keepAliveInMillis: checkKeepAlive(options),
    onEvent: checkFunction("onEvent", onEvent),
    signal: signal === undefined ? undefined : checkSignal(signal),
    network,
    connection,
    guard,
    secureSocket: secureSocket === undefined
      ? undefined
      : resolveListenerSecureSocket(secureSocket),
  };
}

function checkKeepAlive({ path, keepAliveInMillis: given }: ListenerConfig) {
  if (given === undefined) return undefined;
  if (path !== undefined) {
    throw new TypeError("keepAliveInMillis must not go with a path: its peers are on this machine");
  }
  if (given === "system") return given;
  if (typeof given !== "number") {
    throw new TypeError(`keepAliveInMillis must be a number or "system": got ${shown(given)}`);
  }
  return checkInteger("keepAliveInMillis", given, 1_000, MAX_INTERVAL_IN_MILLIS, ' or "system"');
}

function checkPathMode({ path, pathMode }: ListenerConfig): number | undefined {
  if (pathMode === undefined) return undefined;
  if (path === undefined || isAbstract(path)) {
    throw new TypeError("pathMode must go with a path that is a file");
  }
  return checkInteger("pathMode", pathMode, 0, 0o777);
}
