// The config of a client: where to connect to, how, and how the connection behaves; read and checked once.

import { checkHost, checkPath, checkPort, formatAddress, formatPath } from "../base/address.ts";
import { checkInterval, checkSignal } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { optionNames, readOptions, withOptions } from "../base/options.ts";
import { denoNetwork } from "../network/deno/deno_network.ts";
import type { Network, Transport } from "../network/network.ts";
import {
  BUFFER_SIZE_OPTIONS,
  type BufferSizeConfig,
  refuseUnsupported,
  refuseWithPath,
  resolveSocketOptions,
  TCP_OPTIONS,
  type TcpConfig,
} from "../network/socket_options.ts";
import type { ProxyHeader, ProxyHeaderConfig } from "../proxy/proxy_header.ts";
import { checkProxyHeader } from "../proxy/proxy_sender.ts";
import {
  type ClientSecureSocketConfig,
  type ClientSecureSocketSettings,
  resolveClientSecureSocket,
} from "../tls/client_secure_socket_config.ts";
import {
  CONNECTION_OPTIONS,
  type ConnectionConfig,
  ConnectionSettings,
} from "./connection_config.ts";
import { readService, type Service } from "./service.ts";

/** How a dialled connection is made and behaves, wherever it goes to. */
export interface DialConfig extends ConnectionConfig {
  /** Called for this connection, as a listener's service is for each of its connections. */
  readonly callbackService?: Service;
  /** Ends the attempt to connect with the signal's reason; not the connection. */
  readonly signal?: AbortSignal;
  /**
   * How long connecting may take, looking up the name included, in milliseconds, or `Infinity`.
   *
   * @default {30_000}
   */
  readonly connectTimeoutInMillis?: number;
  /**
   * Sends a PROXY protocol header first. Without a `source` and a `destination` it states the two ends of this
   * connection. The server must expect it.
   */
  readonly sendProxyHeader?: ProxyHeaderConfig;
  /**
   * Makes the connection secure (TLS): `{}` is enough for a server whose certificate the system trusts. Connecting then
   * includes the handshake.
   */
  readonly secureSocket?: ClientSecureSocketConfig;
}

/**
 * Where to connect to, and how the connection behaves. With Deno's network, `localAddress`, `localPort`,
 * `keepAliveInMillis` as a number and `resetOnAbort` use `node:net`, whose streams cost more than Deno's own.
 */
export interface ClientConfig extends DialConfig, TcpConfig {
  /**
   * Host name or IP address. All addresses of a name are tried, the next one also when one does not answer, all within
   * `connectTimeoutInMillis`.
   */
  readonly host: string;
  /** Port, from 1 to 65535. */
  readonly port: number;
  /** IP address of this end, for a machine that has several. */
  readonly localAddress?: string;
  /**
   * Port of this end, from 1 to 65535. Of an earlier connection to the same server it may be taken for a minute.
   *
   * @default one that the system chooses
   */
  readonly localPort?: number;
}

/** Which local (Unix) socket to connect to, and how the connection behaves. */
export interface LocalClientConfig extends DialConfig, BufferSizeConfig {
  /** Path of the socket file; a name that begins with a NUL character is abstract (Linux). */
  readonly path: string;
}

/** The checked config of a client. */
export interface ClientSettings {
  /** Where it connects to. */
  readonly target: Target;
  readonly network: Network;
  readonly connection: ConnectionSettings;
  readonly connectTimeoutInMillis: number;
  readonly signal: AbortSignal | undefined;
  readonly callbackService: Service | undefined;
  readonly proxyHeader: ProxyHeader | undefined;
  readonly secureSocket: ClientSecureSocketSettings | undefined;
}

/** The options of both kinds of client. */
type Options = DialConfig & Partial<ClientConfig & LocalClientConfig>;

const OPTIONS = [
  ...CONNECTION_OPTIONS,
  ...optionNames<Omit<Options, keyof ConnectionConfig>>({
    callbackService: true,
    signal: true,
    connectTimeoutInMillis: true,
    sendProxyHeader: true,
    secureSocket: true,
    host: true,
    port: true,
    localAddress: true,
    localPort: true,
    path: true,
    receiveBufferSize: true,
    sendBufferSize: true,
    typeOfService: true,
    timeToLive: true,
    networkInterface: true,
    keepAliveInMillis: true,
    keepAliveIntervalInMillis: true,
    keepAliveProbes: true,
    userTimeoutInMillis: true,
    fastOpen: true,
    resetOnAbort: true,
  }),
];

const SOCKET_OPTIONS = ["localAddress", "localPort", ...TCP_OPTIONS] as const;

/** Reads the config of a client, each field once, checks it and fills in the defaults. */
export function resolveClientConfig(config: ClientConfig | LocalClientConfig): ClientSettings {
  const options = readOptions<Options>("config", config, OPTIONS);
  const { connectTimeoutInMillis = 30_000, network = denoNetwork, signal } = options;
  const { callbackService, sendProxyHeader, secureSocket } = options;
  const connection = new ConnectionSettings(options);
  const target = targetOf(options);
  return {
    target,
    network,
    connection,
    connectTimeoutInMillis: checkInterval("connectTimeoutInMillis", connectTimeoutInMillis),
    signal: signal === undefined ? undefined : checkSignal(signal),
    callbackService: callbackService === undefined ? undefined : readService(callbackService),
    proxyHeader: sendProxyHeader === undefined ? undefined : checkProxyHeader(sendProxyHeader),
    secureSocket: secureSocket === undefined
      ? undefined
      : resolveClientSecureSocket(secureSocket, target.host),
  };
}

/** How to connect to the target of a config. */
interface Target {
  /** The host, if there is one. */
  readonly host: string | undefined;
  /** Its name in messages. */
  readonly name: string;
  /** Connects. */
  dial(network: Network, signal: AbortSignal): Promise<Transport>;
}

function targetOf(config: Options): Target {
  if (config.path === undefined) {
    const hostname = checkHost("host", config.host);
    const port = checkPort("port", config.port, 1);
    const options = resolveSocketOptions(config, SOCKET_OPTIONS);
    return {
      host: hostname,
      name: formatAddress(hostname, port),
      dial: (network, signal) => {
        refuseUnsupported(network.socketOptions, "connect", options);
        return network.connect(withOptions(options, { hostname, port, signal }));
      },
    };
  }
  if (config.host !== undefined || config.port !== undefined) {
    throw new TypeError("config must have a path, or a host and a port, not both");
  }
  refuseWithPath(config);
  const path = checkPath("path", config.path);
  const options = resolveSocketOptions(config, BUFFER_SIZE_OPTIONS);
  return {
    host: undefined,
    name: formatPath(path),
    dial: (network, signal) => {
      if (network.connectPath === undefined) {
        throw new GenericError("unsupported", "This network has no local sockets");
      }
      refuseUnsupported(network.socketOptions, "path", options);
      return network.connectPath(withOptions(options, { path, signal }));
    },
  };
}
