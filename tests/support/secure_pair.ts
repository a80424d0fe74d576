// A secure connection over loopback, and what its two ends throw when they could not agree.

import type { Transport } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { ListenerSecurity } from "../../src/tls/listener_security.ts";
import {
  type ClientSecureSocketConfig,
  resolveClientSecureSocket,
} from "../../src/tls/client_secure_socket_config.ts";
import {
  type ListenerSecureSocketConfig,
  resolveListenerSecureSocket,
} from "../../src/tls/listener_secure_socket_config.ts";
import { TlsDialer } from "../../src/tls/tls_dialer.ts";
import { TlsServer } from "../../src/tls/tls_server.ts";
import { ClientSecurity } from "../../src/tls/client_security.ts";

const { clock } = denoNetwork;

/** How the two ends of a handshake ended. */
export interface Ends {
  readonly client: Transport | Error;
  readonly server: Transport | Error;
}

/** Connects over loopback TCP, both ends in the clear. */
export async function plainPair(): Promise<[client: Transport, server: Transport]> {
  const listener = await denoNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
  const { port } = listener.addr as Deno.NetAddr;
  const [client, server] = await Promise.all([
    denoNetwork.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  listener.close();
  client.setNoDelay?.(true);
  return [client, server];
}

/** One side's engine alone, as a listener loads it. */
export function loadServer(config: ListenerSecureSocketConfig): Promise<TlsServer> {
  return TlsServer.load(resolveListenerSecureSocket(config));
}

/** One side's engine alone, as a client loads it. */
export function loadDialer(config: ClientSecureSocketConfig): Promise<TlsDialer> {
  return TlsDialer.load(resolveClientSecureSocket(config, "localhost"), config.caCerts);
}

/** The loaded security of a listener. */
export async function listenerSecurity(
  config: ListenerSecureSocketConfig,
): Promise<ListenerSecurity> {
  const security = new ListenerSecurity(resolveListenerSecureSocket(config), clock);
  await security.load();
  return security;
}

/** The loaded security of a client. */
export async function clientSecurity(
  config: ClientSecureSocketConfig,
  host = "localhost",
): Promise<ClientSecurity> {
  const security = new ClientSecurity(resolveClientSecureSocket(config, host), denoNetwork);
  await security.load();
  return security;
}

/** Has both ends of a stream shake hands. */
export async function shakeHands(
  [client, server]: readonly [client: Transport, server: Transport],
  of: ListenerSecureSocketConfig,
  by: ClientSecureSocketConfig,
): Promise<Ends> {
  const security = await listenerSecurity(of);
  const dialling = await clientSecurity(by);
  const [clientEnd, serverEnd] = await Promise.all([
    dialling.secure(client).catch((error: Error) => error),
    security.upgrade(server).catch((error: Error) => error),
  ]);
  return { client: clientEnd, server: serverEnd };
}

/** Two ends with a finished handshake. */
export async function securePair(
  of: ListenerSecureSocketConfig,
  by: ClientSecureSocketConfig,
): Promise<[client: Transport, server: Transport]> {
  const { client, server } = await shakeHands(await plainPair(), of, by);
  if (client instanceof Error) throw client;
  if (server instanceof Error) throw server;
  return [client, server];
}
