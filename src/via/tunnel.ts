// A stream through proxies: each is asked to connect to the next one, the last one to the target. What a proxy sends
// behind its answer is the beginning of what follows, and is put back.

import { type Address, formatAddress } from "../base/address.ts";
import { codeOf, reasonOf } from "../base/errors.ts";
import { callQuietly } from "../base/user_code.ts";
import { ipVersion } from "../base/ip_address.ts";
import { cut } from "../network/free.ts";
import type { Network, Transport } from "../network/network.ts";
import { ReplayedTransport } from "../network/replayed_transport.ts";
import { secureOf } from "../network/told.ts";
import { ClientSecurity } from "../tls/client_security.ts";
import { connectByHttp } from "./http_connect.ts";
import { ProxyFailure } from "./proxy_answer.ts";
import type { ProxyServer } from "./proxy_server.ts";
import { connectBySocks5 } from "./socks5.ts";
import { Tunnelled } from "./tunnelled.ts";

/**
 * Goes through proxies.
 *
 * @param transport A stream to the first one; it is freed where this fails, or is given up.
 * @param servers At least one.
 * @param target Where the last one shall connect to.
 * @param network Where the stream comes from.
 * @param signal Gives up.
 * @returns The stream to the target; the given one itself, where nothing had to be put around it. It is not secure,
 * also where a proxy is.
 * @throws {GenericError} `"unreachable"`, `"denied"` or `"handshake"`: names the proxy and what it says.
 */
export async function tunnel(
  transport: Transport,
  servers: readonly ProxyServer[],
  target: Address,
  network: Network,
  signal: AbortSignal,
): Promise<Transport> {
  let reached = transport;
  const giveUp = () => cut(reached);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    signal.throwIfAborted();
    for (const [i, server] of servers.entries()) {
      const next = servers[i + 1];
      const action = `Cannot connect to ${
        next === undefined ? formatAddress(target.host, target.port) : `the proxy ${next.name}`
      }`;
      reached = await secured(reached, server, network, signal, action);
      signal.throwIfAborted();
      reached = await ask(reached, server, next ?? target, action);
      signal.throwIfAborted();
    }
    return reached;
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function secured(
  transport: Transport,
  { secureSocket, name }: ProxyServer,
  network: Network,
  signal: AbortSignal,
  action: string,
): Promise<Transport> {
  if (secureSocket === undefined) return transport;
  const security = new ClientSecurity(secureSocket, network);
  await security.load();
  try {
    return await security.secure(transport, signal);
  } catch (error) {
    if (codeOf(error) !== "handshake") throw error;
    // Without its name, nobody would know whose certificate it was.
    const message = `cannot be spoken to: ${reasonOf(error)}`;
    throw new ProxyFailure("handshake", message, { cause: error }).told(action, name);
  }
}

async function ask(
  transport: Transport,
  server: ProxyServer,
  { host, port }: Address,
  action: string,
): Promise<Transport> {
  const connect = server.kind.startsWith("socks") ? connectBySocks5 : connectByHttp;
  try {
    // A question in pieces would wait for the answer to each.
    callQuietly(() => transport.setNoDelay?.(true));
    const rest = await connect(transport, server, { host: hostForProxy(host), port });
    if (secureOf(transport) !== undefined) return new Tunnelled(transport, rest);
    return rest.length === 0 ? transport : new ReplayedTransport(transport, rest);
  } catch (error) {
    if (error instanceof ProxyFailure) throw error.told(action, server.name);
    const message = `has cut the connection: ${reasonOf(error)}`;
    throw new ProxyFailure("unreachable", message, { cause: error }).told(action, server.name);
  }
}

/**
 * A host as it is written for a proxy: in ASCII.
 *
 * @throws {ProxyFailure} It means nothing to another machine.
 */
function hostForProxy(host: string): string {
  if (host.includes("%")) {
    throw new ProxyFailure("unreachable", "cannot know the zone of an address of this machine");
  }
  if (ipVersion(host) !== 0) return host;
  const ascii = URL.parse(`http://${host}/`)?.hostname;
  // What is no address here must not be one there: a list of exceptions has seen the name.
  if (ascii === undefined || ipVersion(ascii) !== 0) {
    throw new ProxyFailure("unreachable", "cannot be told a name that has no form in ASCII");
  }
  return ascii;
}
