// The config of a client: where to connect to, how, and how the connection behaves; read and checked once.

import { type Address, checkHost, checkPath, checkPort, formatPath } from "../base/address.ts";
import {
  checkChoice,
  checkFunction,
  checkInterval,
  checkSignal,
  shown,
} from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import {
  type InnerNames,
  optionNames,
  readList,
  readOptions,
  withOptions,
} from "../base/options.ts";
import { denoNetwork } from "../network/deno/deno_network.ts";
import { checkMade } from "../network/made.ts";
import type { Network } from "../network/network.ts";
import {
  BUFFER_SIZE_OPTIONS,
  type BufferSizeConfig,
  refuseUnsupported,
  refuseWithPath,
  resolveSocketOptions,
  TCP_OPTIONS,
  type TcpConfig,
} from "../network/socket_options.ts";
import { resolveWatchConfig, type WatchSettings } from "../events/watch_config.ts";
import type { ClientEvent } from "./client_event.ts";
import type { ProxyHeader, ProxyHeaderConfig } from "../proxy/proxy_header.ts";
import { checkProxyHeader } from "../proxy/proxy_sender.ts";
import {
  CLIENT_TLS_OPTIONS,
  type ClientSecureSocketConfig,
  type ClientSecureSocketSettings,
  resolveClientSecureSocket,
} from "../tls/client_secure_socket_config.ts";
import {
  CONNECTION_OPTIONS,
  type ConnectionConfig,
  ConnectionSettings,
} from "./connection_config.ts";
import { type ChooseVia, readVia, type Via } from "../via/via.ts";
import { type Destination, Route } from "./destination.ts";
import { checkedLookup, type Lookup } from "./lookup.ts";
import { readService, type Service } from "./service.ts";
import { checkService } from "./service_hosts.ts";

/** How a dialled connection is made and behaves, wherever it goes to. */
export interface DialConfig extends ConnectionConfig {
  /** Called for this connection, as a listener's service is for each of its connections. */
  readonly callbackService?: Service;
  /** Ends the attempt to connect with the signal's reason; not the connection. */
  readonly signal?: AbortSignal;
  /**
   * How long connecting may take, looking up the name included, in milliseconds from 1, or `Infinity`.
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
  /**
   * Called for each event: it is connected, it could not connect, it is secure, it has ended. It is called soon after
   * the event, in a turn of its own; what it throws is printed and ends nothing.
   */
  readonly onEvent?: (event: ClientEvent) => void;
  /**
   * Whether OpenTelemetry gets metrics and a span for the connection, as for `ListenerConfig.telemetry`. The span is a
   * child of the one that is current when it connects.
   *
   * @default {false}
   */
  readonly telemetry?: boolean;
}

/**
 * How a server on the network is reached, wherever it is. With Deno's network, `localAddress`, `localPort`,
 * `keepAliveInMillis` as a number and `resetOnAbort` use `node:net`, whose streams cost more than Deno's own.
 */
export interface RemoteConfig extends DialConfig, TcpConfig {
  /** IP address of this end, for a machine that has several. */
  readonly localAddress?: string;
  /**
   * Port of this end, from 1 to 65535. Of an earlier connection to the same server it may be taken for a minute.
   *
   * @default one that the system chooses
   */
  readonly localPort?: number;
  /**
   * Connects by way of a proxy, or of several, each through the one before it: URLs such as
   * `"socks5://user:password@host:1080"` and `"http://host:3128"`. A function chooses for each host, and gives
   * `undefined` to connect directly. The last proxy looks the host name up. `remoteAddress` is the first proxy's.
   */
  readonly via?: Via | ChooseVia;
  /**
   * Looks host names up instead of the system: those of proxies, too, and of what is behind one, except with
   * `socks5h://`. Connecting to what it gives needs the permission for these addresses.
   */
  readonly lookup?: Lookup;
  /**
   * Which addresses of a name are tried first: 4 or 6.
   *
   * @default the system's order
   */
  readonly family?: 4 | 6;
}

/** Where to connect to, and how the connection behaves. */
export interface ClientConfig extends RemoteConfig {
  /**
   * Host name or IP address. All addresses of a name are tried, the next one also when one does not answer, all within
   * `connectTimeoutInMillis`.
   */
  readonly host: string;
  /** Port, from 1 to 65535. */
  readonly port: number;
}

/** Which hosts to connect to one of, and how the connection behaves. */
export interface HostsClientConfig extends RemoteConfig {
  /**
   * Host names, IP addresses, or both with a port of their own, tried in this order. The next one is tried when one has
   * failed, or beside one that has not answered within 250 ms; the first one that answers is taken.
   */
  readonly hosts: readonly (string | Address)[];
  /** The port of those without one of their own, from 1 to 65535. */
  readonly port?: number;
}

/** Which service to connect to, and how the connection behaves. */
export interface ServiceClientConfig extends RemoteConfig {
  /**
   * Name of a service: `"_redis._tcp.example"`. A name server is asked for its SRV records; their hosts are tried in the
   * order of priority, and by chance and weight where that is the same (RFC 2782), 32 at most. With TLS the certificate
   * must be valid for the domain (`example`), unless `secureSocket` has a `serverName`.
   */
  readonly srv: string;
}

/** Whatever a client can connect to. */
export type AnyClientConfig =
  | ClientConfig
  | HostsClientConfig
  | ServiceClientConfig
  | LocalClientConfig;

/** Which local (Unix) socket to connect to, and how the connection behaves. */
export interface LocalClientConfig extends DialConfig, BufferSizeConfig {
  /** Path of the socket file; a name that begins with a NUL character is abstract (Linux). */
  readonly path: string;
}

/** The checked config of a client. */
export interface ClientSettings {
  /** Where it connects to. */
  readonly destination: Destination;
  readonly network: Network;
  readonly connection: ConnectionSettings;
  readonly connectTimeoutInMillis: number;
  readonly signal: AbortSignal | undefined;
  readonly callbackService: Service | undefined;
  readonly proxyHeader: ProxyHeader | undefined;
  readonly secureSocket: ClientSecureSocketSettings | undefined;
  /** Who hears of events. */
  readonly watch: WatchSettings;
}

/** The options of all kinds of client. */
type Options =
  & DialConfig
  & Partial<ClientConfig & HostsClientConfig & ServiceClientConfig & LocalClientConfig>;

/** The fields of the config of a client, of either kind. */
export const CLIENT_OPTIONS = [
  ...CONNECTION_OPTIONS,
  ...TCP_OPTIONS,
  ...optionNames<Omit<Options, keyof ConnectionConfig | keyof TcpConfig>>({
    callbackService: true,
    signal: true,
    connectTimeoutInMillis: true,
    sendProxyHeader: true,
    secureSocket: true,
    onEvent: true,
    telemetry: true,
    host: true,
    hosts: true,
    srv: true,
    port: true,
    via: true,
    lookup: true,
    family: true,
    localAddress: true,
    localPort: true,
    path: true,
  }),
];

const SOCKET_OPTIONS = ["localAddress", "localPort", ...TCP_OPTIONS] as const;

/** The fields of some of them. */
export const CLIENT_INNER: InnerNames<Options> = { secureSocket: CLIENT_TLS_OPTIONS };

/** Options that say how a host is reached. */
const OF_HOSTS = ["via", "lookup", "family"] as const;

/** The options that do not go with a path. */
export const HOST_OPTIONS: readonly (keyof RemoteConfig)[] = [...OF_HOSTS, ...SOCKET_OPTIONS]
  .filter(
    (name) => !BUFFER_SIZE_OPTIONS.some((local) => local === name),
  );

/** Reads the config of a client, each field once, checks it and fills in the defaults. */
export function resolveClientConfig(config: AnyClientConfig): ClientSettings {
  const options = readOptions<Options>("config", config, CLIENT_OPTIONS, CLIENT_INNER);
  const { connectTimeoutInMillis = 30_000, network = denoNetwork, signal } = options;
  const { callbackService, sendProxyHeader, secureSocket } = options;
  const connection = new ConnectionSettings(options);
  const destination = destinationOf(options);
  return {
    destination,
    network,
    connection,
    connectTimeoutInMillis: checkInterval("connectTimeoutInMillis", connectTimeoutInMillis),
    signal: signal === undefined ? undefined : checkSignal(signal),
    callbackService: callbackService === undefined
      ? undefined
      : readService(callbackService, "callbackService"),
    proxyHeader: sendProxyHeader === undefined ? undefined : checkProxyHeader(sendProxyHeader),
    secureSocket: secureSocket === undefined
      ? undefined
      : resolveClientSecureSocket(secureSocket, destination.host),
    watch: resolveWatchConfig(options),
  };
}

function destinationOf(config: Options): Destination {
  const { host, hosts, srv, path } = config;
  const given = [host, hosts, srv, path].filter((value) => value !== undefined).length;
  if (given > 1 || path !== undefined && config.port !== undefined) {
    throw new TypeError(
      "config must have a path, or srv, or hosts, or a host and a port, not two of these",
    );
  }
  return path === undefined ? routeOf(config) : pathOf(config, checkPath("path", path));
}

function routeOf(config: Options): Route {
  const { via, lookup, family } = config;
  return new Route({
    hosts: placesOf(config),
    stream: resolveSocketOptions(config, SOCKET_OPTIONS),
    family: family === undefined ? undefined : checkChoice("family", family, [4, 6]),
    lookup: lookup === undefined ? undefined : checkedLookup(checkFunction("lookup", lookup)),
    via: via === undefined ? undefined : readVia(via),
  });
}

function placesOf({ host, hosts, srv, port }: Options): readonly Address[] | string {
  if (srv !== undefined) {
    if (port !== undefined) throw new TypeError("config must have srv or a port, not both");
    return checkService("srv", srv);
  }
  if (hosts === undefined) {
    return [{ host: checkHost("host", host), port: checkPort("port", port, 1) }];
  }
  const places = readList("hosts", hosts).map((one, i): Address => {
    const name = `hosts[${i}]`;
    if (typeof one !== "object") {
      return { host: checkHost(name, one), port: checkPort("port", port, 1) };
    }
    const { host, port: own = port } = readOptions<Address>(name, one as Address, ["host", "port"]);
    return { host: checkHost(`${name}.host`, host), port: checkPort(`${name}.port`, own, 1) };
  });
  if (places.length === 0) {
    throw new TypeError(`hosts must be an array with at least one host: got ${shown(hosts)}`);
  }
  return places;
}

function pathOf(config: Options, path: string): Destination {
  for (const name of OF_HOSTS) {
    if (config[name] !== undefined) throw new TypeError(`config must have a host for ${name}`);
  }
  refuseWithPath(config);
  const options = resolveSocketOptions(config, BUFFER_SIZE_OPTIONS);
  const name = formatPath(path);
  return {
    host: undefined,
    name,
    asked: { transport: "unix", address: path, port: 0 },
    async reach(network, signal) {
      if (network.connectPath === undefined) {
        throw new GenericError("unsupported", "This network has no local sockets");
      }
      refuseUnsupported(network.socketOptions, "path", options);
      try {
        const made = await network.connectPath(withOptions(options, { path, signal }));
        const transport = checkMade("Transport", made);
        return { transport, host: undefined, tunnelled: undefined };
      } catch (cause) {
        throw signal.aborted ? cause : setupError(`Cannot connect to ${name}`, cause, { path });
      }
    },
  };
}
