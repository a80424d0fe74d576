// Client: a connection that you dialled.

import {
  checkHost,
  checkPath,
  checkPort,
  formatAddress,
  formatPath,
  hostOf,
  portOf,
} from "../base/address.ts";
import {
  checkBoolean,
  checkInteger,
  checkInterval,
  checkSignal,
  MAX_INTERVAL_IN_MILLIS,
} from "../base/arguments.ts";
import { Connection, connectionFrom } from "./connection.ts";
import {
  CONNECTION_OPTIONS,
  type ConnectionConfig,
  settledConnectionConfig,
} from "./connection_config.ts";
import { waitFor } from "../network/deadline.ts";
import { GenericError, setupError } from "../base/errors.ts";
import { free } from "../network/free.ts";
import type { ProxyHeaderConfig } from "../proxy/proxy_header.ts";
import { checkProxyHeader, sendHeader } from "../proxy/proxy_sender.ts";
import type { ConnectTarget, Network, Transport } from "../network/network.ts";
import { denoNetwork } from "../network/deno/deno_network.ts";
import { optionNames, readOptions, withOptions } from "../base/options.ts";
import { readService, serve, type Service } from "./service.ts";
import { ClientSecurity } from "../tls/client_security.ts";
import { checkClientSecureSocket, type ClientSecureSocketConfig } from "../tls/secure_socket.ts";

/** How a connection that is dialled comes about and behaves, wherever it goes to. */
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
   * Sends a PROXY protocol header first. Without a `source` and a `destination` it tells the two ends of this
   * connection itself. The server must expect it.
   */
  readonly sendProxyHeader?: ProxyHeaderConfig;
  /**
   * Makes the connection secure (TLS): `{}` is enough for a server whose certificate the system trusts.
   * Connecting is over when the handshake is.
   */
  readonly secureSocket?: ClientSecureSocketConfig;
}

/** Where to connect to, and how the connection behaves. */
export interface ClientConfig extends DialConfig {
  /**
   * Host name or IP address. All addresses of a name are tried, the next one also where one does not answer, all
   * within `connectTimeoutInMillis`.
   */
  readonly host: string;
  /** Port, from 1 to 65535. */
  readonly port: number;
  /**
   * IP address of this end, for a machine that has several.
   *
   * This and the next two go by `node:net`, whose streams cost more than Deno's own.
   */
  readonly localAddress?: string;
  /**
   * After how long without a byte the system asks whether the peer is still there, in milliseconds.
   *
   * @default never
   */
  readonly keepAliveInMillis?: number;
  /**
   * Whether `abort` resets the connection, so that the peer gets an error where it would get an end.
   *
   * @default {false}
   */
  readonly resetOnAbort?: boolean;
}

/** Which local (Unix) socket to connect to, and how the connection behaves. */
export interface LocalClientConfig extends DialConfig {
  /** Path of the socket file; a name that begins with a NUL character is abstract (Linux). */
  readonly path: string;
}

/**
 * A connection that you dialled.
 *
 * @example A request and its answer
 * ```ts
 * import { Client, Listener } from "https://deno.land/x/socket@v0.1.0/mod.ts";
 *
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach({
 *   async onReadReady(caller) {
 *     const [bytes, length] = await caller.read();
 *     if (length > 0) await caller.write(`${new TextDecoder().decode(bytes)} back`);
 *   },
 * });
 * await listener.start();
 *
 * await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
 * await client.write("Hello");
 * const [bytes] = await client.read();
 * console.log(new TextDecoder().decode(bytes)); // "Hello back"
 * ```
 */
export class Client extends Connection {
  /**
   * Connects.
   *
   * Giving up: a timeout or an abort leaves nothing open.
   *
   * @param config Where to, and how.
   * @returns The connection, with the delay of small writes switched off. It does not wait for the
   * `onConnect` of a callback service.
   * @throws {TypeError | RangeError} A field of `config` is wrong; nothing was tried.
   * @throws {GenericError} `"unreachable"`, `"denied"`, `"timed-out"`, or `"handshake"`.
   */
  static async connect(config: ClientConfig | LocalClientConfig): Promise<Client> {
    const options = readOptions<Options>("config", config, OPTIONS);
    const connection = settledConnectionConfig(options);
    const { host, name, dial } = targetOf(options);
    const {
      connectTimeoutInMillis = 30_000,
      network = denoNetwork,
      callbackService,
      sendProxyHeader,
      secureSocket,
    } = options;
    const timeoutInMillis = checkInterval("connectTimeoutInMillis", connectTimeoutInMillis);
    const signal = options.signal === undefined ? undefined : checkSignal(options.signal);
    const service = callbackService === undefined ? undefined : readService(callbackService);
    const header = sendProxyHeader === undefined ? undefined : checkProxyHeader(sendProxyHeader);
    const security = secureSocket === undefined
      ? undefined
      : new ClientSecurity(checkSecureSocket(secureSocket, host), network);
    const action = `Cannot connect to ${name}`;
    const transport = await waitFor(
      {
        clock: network.clock,
        timeoutInMillis,
        signal,
        timeoutError: () =>
          new GenericError("timed-out", `${action}: no answer within ${timeoutInMillis} ms`),
      },
      async (signal) => {
        // What is wrong with a file is said before anybody is bothered.
        await security?.load();
        const connected = await dial(network, signal);
        if (isItsOwnPeer(connected)) {
          free(connected);
          // The system took the port that was to be reached for this end, and two ends that meet are connected.
          throw new GenericError(
            "unreachable",
            `${action}: nobody listens there but this end itself`,
          );
        }
        if (header !== undefined) await sendHeader(connected, header);
        return await security?.secure(connected, host ?? "", signal) ?? connected;
      },
      free,
    ).catch((cause) => {
      throw signal?.aborted && cause === signal.reason ? cause : setupError(action, cause);
    });
    const prepareUpgrade = async (options: ClientSecureSocketConfig = {}) => {
      const security = new ClientSecurity(checkSecureSocket(options, host), network);
      await security.load();
      return (transport: Transport) => security.secure(transport, host ?? "");
    };
    const client = connectionFrom({ prepareUpgrade }, Client, transport, connection);
    if (service !== undefined) serve(client, service);
    return client;
  }
}

/** What either kind of client can be told. */
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
    keepAliveInMillis: true,
    resetOnAbort: true,
    path: true,
  }),
];

/** How to get to where a config says. */
interface Target {
  /** The host, where there is one. */
  readonly host: string | undefined;
  /** What it is called in messages. */
  readonly name: string;
  /** Connects. */
  dial(network: Network, signal: AbortSignal): Promise<Transport>;
}

function targetOf(config: Options): Target {
  if (config.path === undefined) {
    const { host, port, localAddress, keepAliveInMillis, resetOnAbort } = config;
    const hostname = checkHost("host", host);
    const target: { -readonly [name in keyof ConnectTarget]: ConnectTarget[name] } = Object.assign(
      Object.create(null),
      { hostname, port: checkPort("port", port, 1) },
    );
    if (localAddress !== undefined) {
      target.localAddress = checkHost("localAddress", localAddress);
    }
    if (keepAliveInMillis !== undefined) {
      const most = MAX_INTERVAL_IN_MILLIS;
      checkInteger("keepAliveInMillis", keepAliveInMillis, 1_000, most);
      target.keepAliveInMillis = keepAliveInMillis;
    }
    if (resetOnAbort !== undefined) {
      target.canReset = checkBoolean("resetOnAbort", resetOnAbort);
    }
    return {
      host: hostname,
      name: formatAddress(hostname, target.port),
      dial: (network, signal) => network.connect(withOptions(target, { signal })),
    };
  }
  if (config.host !== undefined || config.port !== undefined) {
    throw new TypeError("config must have a path, or a host and a port, not both");
  }
  const path = checkPath("path", config.path);
  return {
    host: undefined,
    name: formatPath(path),
    dial: (network, signal) => {
      if (network.connectPath !== undefined) return network.connectPath({ path, signal });
      throw new GenericError("unsupported", "This network has no local sockets");
    },
  };
}

/** Whether both ends are the same. */
function isItsOwnPeer({ localAddr, remoteAddr }: Transport): boolean {
  const port = portOf(localAddr);
  return port !== 0 && port === portOf(remoteAddr) && hostOf(localAddr) === hostOf(remoteAddr);
}

function checkSecureSocket(
  config: ClientSecureSocketConfig,
  host: string | undefined,
): ClientSecureSocketConfig {
  const options = checkClientSecureSocket(config);
  if (options.serverName === undefined && host === undefined) {
    throw new TypeError("secureSocket.serverName must be given for a path: no host tells the name");
  }
  return options;
}
