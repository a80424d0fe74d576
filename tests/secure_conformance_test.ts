// The conformance kit over everything in src/transport/ that makes streams.

import { denoNetwork, type Transport } from "../src/network.ts";
import type { ClientSecureSocket } from "../src/transport/secure_socket.ts";
import { checkTransport, connectedTransports } from "../testing/mod.ts";
import { Authority } from "./support/certificates.ts";
import { plainPair, shakeHands } from "./support/secure_pair.ts";

const authority = await Authority.make("Tests");
const localhost = await authority.sign();
const caCerts = [authority.cert];

async function secured(
  plain: readonly [client: Transport, server: Transport],
  by: ClientSecureSocket,
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
