// Client: a connection that you dialled.

import { GenericError } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import { wordsOf } from "../base/user_code.ts";
import { waitFor } from "../network/deadline.ts";
import { free } from "../network/free.ts";
import type { Transport } from "../network/network.ts";
import { sendHeader } from "../proxy/proxy_sender.ts";
import {
  type ClientSecureSocketConfig,
  resolveUpgrade,
} from "../tls/client_secure_socket_config.ts";
import { ClientSecurity } from "../tls/client_security.ts";
import { type AnyClientConfig, resolveClientConfig } from "./client_config.ts";
import { Connection, connectionFrom } from "./connection.ts";
import { ClientEvents } from "./client_event.ts";
import type { Origin, Upgradable } from "./origin.ts";
import { serve } from "./service_loop.ts";

/**
 * A connection that you dialled.
 *
 * @example A request and its answer
 * ```ts
 * import { Client, Listener } from "socket/mod.ts";
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
   * Giving up: a timeout or an abort leaves nothing open, but a TLS handshake on Deno's engine: its socket stays until
   * the server sends or ends something. With `exposePeerCertificate` it does not.
   *
   * @param config Where to, and how.
   * @returns The connection, with the delay of small writes switched off. It does not wait for the
   * `onConnect` of a callback service.
   * @throws {TypeError | RangeError} A field of `config` is wrong; nothing was tried.
   * @throws {GenericError} `"unreachable"`, `"denied"`, `"timed-out"`, or `"handshake"`; `"unsupported"` for what the
   * network cannot do, `"handler"` if the function of `via` throws.
   */
  static async connect(config: AnyClientConfig): Promise<Client> {
    const settings = resolveClientConfig(config);
    const { destination, network, signal, proxyHeader, secureSocket } = settings;
    const timeoutInMillis = settings.connectTimeoutInMillis;
    const events = new ClientEvents(destination.asked, settings.watch, network.clock);
    const security = secureSocket && new ClientSecurity(secureSocket, network);
    const action = `Cannot connect to ${destination.name}`;
    const { transport, host } = await waitFor(
      {
        clock: network.clock,
        timeoutInMillis,
        signal,
        timeoutError: () =>
          new GenericError("timed-out", `${action}: no answer within ${timeoutInMillis} ms`),
      },
      async (signal) => {
        // Report what is wrong with a file before the network is used.
        await security?.load();
        const reached = await destination.reach(network, signal);
        const { transport, host, tunnelled } = reached;
        if (proxyHeader !== undefined) await sendHeader(transport, proxyHeader, tunnelled);
        if (security === undefined) return reached;
        events.shaking();
        const secured = await security.secure(transport, signal, host);
        return { ...reached, transport: events.secured(secured) };
      },
      ({ transport }) => free(transport),
    ).catch((cause) => {
      const isGivenUp = signal?.aborted && cause === signal.reason;
      const error = isGivenUp ? givenUp(action, cause) : setupError(action, cause);
      events.refused(error);
      throw isGivenUp ? cause : error;
    });
    const prepareUpgrade = async (
      options: ClientSecureSocketConfig | undefined,
      connection: Upgradable,
    ) => {
      const security = new ClientSecurity(
        resolveUpgrade(options === undefined ? {} : options, host),
        network,
      );
      await security.load(true);
      return async (transport: Transport) => {
        events.upgrading(transport);
        try {
          const secured = await security.secure(transport);
          // Not every engine notices that its stream was freed.
          return connection.isFreed ? secured : events.secured(secured);
        } catch (error) {
          events.upgradeFailed(transport);
          throw error;
        }
      };
    };
    const { id, point } = events;
    const origin: Origin = { id, prepareUpgrade, events: point, dial: events };
    const client = connectionFrom(origin, Client, transport, settings.connection);
    events.opened(transport, client);
    if (settings.callbackService !== undefined) serve(client, settings.callbackService);
    return client;
  }
}

/** What is told of a dial that its signal has ended: the caller gets the reason itself, which may be anything. */
function givenUp(action: string, cause: unknown): GenericError {
  return new GenericError("aborted", `${action}: given up (${wordsOf(cause)})`, { cause });
}
