// Client: a connection that you dialled.

import { checkHost, checkPort, formatAddress } from "./address.ts";
import { checkInterval, checkObject, checkSignal } from "./arguments.ts";
import { Connection } from "./connection.ts";
import { checkConnectionConfig, type ConnectionConfig } from "./connection_config.ts";
import { waitFor } from "./deadline.ts";
import { GenericError, setupError } from "./errors.ts";
import type { ProxyHeaderConfig } from "./guard/proxy_header.ts";
import { checkProxyHeader, sendProxyHeader } from "./guard/proxy_sender.ts";
import { denoNetwork } from "./network.ts";
import { checkService, serve, type Service } from "./service.ts";

/** Where to connect to, and how the connection behaves. */
export interface ClientConfig extends ConnectionConfig {
  /** Host name or IP address. All addresses of a name are tried. */
  readonly host: string;
  /** Port, from 1 to 65535. */
  readonly port: number;
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
  readonly proxyProtocol?: ProxyHeaderConfig;
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
   * @throws {GenericError} `"unreachable"`, `"denied"`, or `"timed-out"`.
   */
  static async connect(config: ClientConfig): Promise<Client> {
    checkConnectionConfig(config);
    const hostname = checkHost("host", config.host);
    const port = checkPort("port", config.port, 1);
    const { connectTimeoutInMillis = 30_000 } = config;
    const timeoutInMillis = checkInterval("connectTimeoutInMillis", connectTimeoutInMillis);
    const signal = config.signal === undefined ? undefined : checkSignal(config.signal);
    const service = config.callbackService === undefined
      ? undefined
      : checkService(config.callbackService);
    const { proxyProtocol } = config;
    if (proxyProtocol !== undefined) checkProxyHeader(checkObject("proxyProtocol", proxyProtocol));
    const { network = denoNetwork } = config;
    const action = `Cannot connect to ${formatAddress(hostname, port)}`;
    const transport = await waitFor(
      {
        clock: network.clock,
        timeoutInMillis,
        signal,
        timeoutError: () =>
          new GenericError("timed-out", `${action}: no answer within ${timeoutInMillis} ms`),
      },
      async (signal) => {
        const connected = await network.connect({ hostname, port, signal });
        if (proxyProtocol !== undefined) await sendProxyHeader(connected, proxyProtocol);
        return connected;
      },
      (late) => late.close(),
    ).catch((cause) => {
      throw signal?.aborted && cause === signal.reason ? cause : setupError(action, cause);
    });
    const client = new Client(transport, config);
    if (service !== undefined) serve(client, service);
    return client;
  }
}
