// How a listener behaves: its options, checked once.

import { checkHost, checkPath, checkPort, isAbstract } from "../base/address.ts";
import { checkInteger, checkSignal, shown } from "../base/arguments.ts";
import {
  CONNECTION_OPTIONS,
  type ConnectionConfig,
  settledConnectionConfig,
} from "../connection/connection_config.ts";
import { GUARD_OPTIONS, type GuardConfig } from "./guard/guard_config.ts";
import type { ListenerEvent } from "./listener_event.ts";
import type { Network } from "../network/network.ts";
import { denoNetwork } from "../network/deno/deno_network.ts";
import { optionNames, readOptions } from "../base/options.ts";
import type { ListenerSecureSocketConfig } from "../tls/secure_socket.ts";

/** How a listener and its connections behave; every field has a default. */
export interface ListenerConfig extends ConnectionConfig, GuardConfig {
  /**
   * Host name or IP address of the local interface to listen on. `"::"` is both IPv6 and IPv4.
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
   * Path of a local (Unix) socket to listen on, instead of an interface and a port; the port must be 0. A name
   * that begins with a NUL character is abstract (Linux). A file that nobody answers at is replaced. While it
   * starts, a folder beside it is needed, called as the path with `~` behind.
   */
  readonly path?: string;
  /**
   * Mode bits of the socket's file, such as `0o660`: whoever may write to it may connect. It has them before it
   * appears at its path.
   *
   * @default what the umask of the process leaves
   */
  readonly pathMode?: number;
  /** Makes connections secure (TLS). */
  readonly secureSocket?: ListenerSecureSocketConfig;
  /** Is told what happens beside the service's own connections: who was refused, a certificate that was reloaded. */
  readonly onEvent?: (event: ListenerEvent) => void;
  /** Its abort is `gracefulStop()`. */
  readonly signal?: AbortSignal;
}

const OWN_OPTIONS = optionNames<Omit<ListenerConfig, keyof ConnectionConfig | keyof GuardConfig>>({
  interface: true,
  backlog: true,
  path: true,
  pathMode: true,
  secureSocket: true,
  onEvent: true,
  signal: true,
});

/** Reads what a listener is told, each field once: what checks them reads the copy. */
export function readListenerConfig(config: ListenerConfig): ListenerConfig {
  return readOptions("config", config, [...OWN_OPTIONS, ...CONNECTION_OPTIONS, ...GUARD_OPTIONS]);
}

/** Where a listener listens and what it stands on, checked. */
export interface ListenerSettings {
  /** The port asked for, 0 where the system may choose. */
  readonly port: number;
  /** The local interface. */
  readonly hostname: string;
  /** The path of a local socket, instead of both. */
  readonly path: string | undefined;
  /** The mode bits of its file. */
  readonly pathMode: number | undefined;
  /** How many connections the system keeps. */
  readonly backlog: number;
  /** Who is told what happens. */
  readonly onEvent: ((event: ListenerEvent) => void) | undefined;
  /** Its abort is a graceful stop. */
  readonly signal: AbortSignal | undefined;
  /** What it stands on. */
  readonly network: Network;
}

/**
 * Checks the fields that are the listener's own, and those of its connections.
 *
 * @param config What {@linkcode readListenerConfig} gave.
 */
export function checkListenerConfig(port: number, config: ListenerConfig): ListenerSettings {
  checkPort("port", port, 0);
  settledConnectionConfig(config);
  const { interface: hostname, backlog = 4_096, network = denoNetwork, path, onEvent, signal } =
    config;
  if (onEvent !== undefined && typeof onEvent !== "function") {
    throw new TypeError(`onEvent must be a function: got ${shown(onEvent)}`);
  }
  const settings = {
    port,
    hostname: checkHost("interface", hostname === undefined ? "0.0.0.0" : hostname),
    path: path === undefined ? undefined : checkPath("path", path),
    pathMode: checkPathMode(config),
    backlog: checkInteger("backlog", backlog, 1, 2_147_483_647),
    onEvent,
    signal: signal === undefined ? undefined : checkSignal(signal),
    network,
  };
  if (path !== undefined && (port !== 0 || hostname !== undefined)) {
    throw new TypeError("config must have a path, or an interface and a port, not both");
  }
  return settings;
}

function checkPathMode({ path, pathMode }: ListenerConfig): number | undefined {
  if (pathMode === undefined) return undefined;
  if (path === undefined || isAbstract(path)) {
    throw new TypeError("pathMode must go with a path that is a file");
  }
  return checkInteger("pathMode", pathMode, 0, 0o777);
}
