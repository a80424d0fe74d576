// A UdpListener on loopback, and a client of it.

import type { Network } from "../../src/network/network.ts";
import type { UdpClient } from "../../src/udp/udp_client.ts";
import { UdpListener } from "../../src/udp/udp_listener.ts";
import type { UdpListenerConfig } from "../../src/udp/udp_listener_config.ts";
import type { UdpService } from "../../src/udp/udp_service.ts";
import { text } from "./text.ts";
import { localClient } from "./udp_engines.ts";

/** A listener on a loopback port that the system chooses. */
export function localListener(network: Network, config: UdpListenerConfig = {}): UdpListener {
  return new UdpListener(0, { interface: "127.0.0.1", network, ...config });
}

/** A started listener and a connected client. */
export interface ListenerPair extends AsyncDisposable {
  readonly listener: UdpListener;
  readonly client: UdpClient;
  /** Sends one datagram and gives the answer. */
  ask(content: string): Promise<string>;
}

/** Starts a listener with a service, and connects a client to it. */
export async function serving(
  network: Network,
  service: UdpService,
  config: UdpListenerConfig = {},
): Promise<ListenerPair> {
  const listener = localListener(network, config);
  listener.attach(service);
  await listener.start();
  const client = localClient(network, { remoteHost: "127.0.0.1", remotePort: listener.port });
  return {
    listener,
    client,
    async ask(content) {
      await client.write(content);
      return text((await client.read())[0]);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([listener.immediateStop(), client.close()]);
    },
  };
}

/** How many datagrams a listener has dropped, for whatever reason. */
export function droppedBy(listener: UdpListener): number {
  return Object.values(listener.stats().dropped).reduce((sum, count) => sum + count, 0);
}
