// The networks that the UDP tests run on: all engines where there is the flag, else the default, which is
// then node:dgram.

import type { Network } from "../../src/network/network.ts";
import { denoNetwork, nodeNetwork } from "../../src/network/deno/deno_network.ts";
import { linuxNetwork, linuxNetworkProblem } from "../../linux/mod.ts";
import { UdpClient } from "../../src/udp/udp_client.ts";
import type { UdpClientConfig } from "../../src/udp/udp_config.ts";

/** Whether this process was started with --unstable-net. */
export const hasDatagrams = (Deno.listenDatagram as unknown) !== undefined;

const linuxProblem = linuxNetworkProblem();
if (linuxProblem !== undefined) {
  console.log(`skipped: UDP on the engine for Linux (${linuxProblem})`);
}

/** Each engine, by the name that its tests carry. */
export const engines: readonly (readonly [name: string, network: Network])[] = hasDatagrams
  ? [
    ["Deno's sockets", denoNetwork],
    ["node:dgram", nodeNetwork],
    ...(linuxProblem === undefined ? [["the engine for Linux", linuxNetwork] as const] : []),
  ]
  : [["node:dgram by default", denoNetwork]];

/** A test on each engine. */
export function testOnEngines(name: string, test: (network: Network) => Promise<void>): void {
  for (const [engine, network] of engines) {
    Deno.test(`${name} (${engine})`, () => test(network));
  }
}

/** A client on a loopback port that the system chose. */
export function localClient(
  network: Network,
  config: UdpClientConfig = {},
  host = "127.0.0.1",
): UdpClient {
  return new UdpClient({ host, port: 0 }, { readTimeoutInMillis: 10_000, network, ...config });
}
