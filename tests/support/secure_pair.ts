// A secure connection over loopback, and what its two ends throw when they could not agree.

import type { Transport } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { ListenerSecurity } from "../../src/tls/listener_security.ts";
import {
  checkClientSecureSocket,
  checkListenerSecureSocket,
  type ClientSecureSocketConfig,
  type ListenerSecureSocketConfig,
} from "../../src/tls/secure_socket.ts";
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

/** The loaded security of a listener. */
export async function listenerSecurity(
  config: ListenerSecureSocketConfig,
): Promise<ListenerSecurity> {
  const security = new ListenerSecurity(checkListenerSecureSocket(config), clock);
  await security.load();
  return security;
}

/** The loaded security of a client. */
export async function clientSecurity(config: ClientSecureSocketConfig): Promise<ClientSecurity> {
  const security = new ClientSecurity(checkClientSecureSocket(config), denoNetwork);
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
    dialling.secure(client, "localhost").catch((error: Error) => error),
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
