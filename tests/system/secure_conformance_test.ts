// The conformance kit over everything in src/network/ and src/tls/ that makes streams.

import type { Transport } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import type { ClientSecureSocketConfig } from "../../src/tls/client_secure_socket_config.ts";
import type { ChoosePath } from "../../src/tls/tls_layer.ts";
import { TlsStreams } from "../../src/tls/tls_streams.ts";
import { checkTransport, connectedTransports } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { loadDialer, loadServer, plainPair, shakeHands } from "../support/secure_pair.ts";

const authority = await Authority.make("Tests");
const localhost = await authority.sign();
const caCerts = [authority.cert];

async function secured(
  plain: readonly [client: Transport, server: Transport],
  by: ClientSecureSocketConfig,
): Promise<[client: Transport, server: Transport]> {
  const { client, server } = await shakeHands(plain, localhost, { caCerts, ...by });
  if (client instanceof Error) throw client;
  if (server instanceof Error) throw server;
  return [client, server];
}

checkTransport(async () => {
  const [near, far] = await secured(await plainPair(), {});
  return { near, far };
}, { name: "TLS over TCP, Deno's client and node's server: " });

checkTransport(async () => {
  const [far, near] = await secured(await plainPair(), {});
  return { near, far };
}, { name: "TLS over TCP, node's server and Deno's client: " });

checkTransport(async () => {
  const [near, far] = await secured(await plainPair(), { exposePeerCertificate: true });
  return { near, far };
}, { name: "TLS over TCP, node's client and server: " });

checkTransport(async () => {
  const [near, far] = await secured(connectedTransports(), {});
  return { near, far };
}, { name: "TLS over memory: " });

checkTransport(async () => {
  const [near, far] = await secured(connectedTransports({ capacity: 7 * 1024 }), {});
  return { near, far };
}, { name: "TLS over memory with little room: " });

/** Bypasses the engine, as in a runtime that does not expose it. */
const byStreams: ChoosePath = (socket, wire) => new TlsStreams(socket, wire);

for (const [i, room] of ["much", "little"].entries()) {
  checkTransport(async () => {
    const server = await loadServer(localhost);
    const dialer = await loadDialer({ trustSystemCerts: false, caCerts });
    const plain = connectedTransports(i === 0 ? {} : { capacity: 7 * 1024 });
    const [near, far] = await Promise.all([
      dialer.connect(plain[0], "localhost", { choosePath: byStreams }),
      server.accept(plain[1], { choosePath: byStreams }),
    ]);
    return { near, far };
  }, { name: `TLS by node's streams, over memory with ${room} room: ` });
}

const names = ["file", ...Deno.build.os === "linux" ? ["abstract name"] : []];
for (const [i, name] of names.entries()) {
  checkTransport(async () => {
    const folder = await Deno.makeTempDir();
    const path = i === 0 ? `${folder}/socket` : `\0${folder}`;
    const listener = await denoNetwork.listenPath!({ path });
    try {
      const [near, far] = await Promise.all([
        denoNetwork.connectPath!({ path }),
        listener.accept(),
      ]);
      return { near, far };
    } finally {
      listener.close();
      await Deno.remove(folder, { recursive: true });
    }
  }, { name: `Unix socket with a ${name}: ` });
}
