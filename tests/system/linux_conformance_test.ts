// The contract of a stream, over the engine for Linux: TCP, local sockets, and TLS on top of it.

import { linuxNetwork } from "../../linux/mod.ts";
import { checkTransport, type TransportPair } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { inFolder } from "../support/folder.ts";
import { linuxTest } from "../support/linux_engine.ts";
import { shakeHands } from "../support/secure_pair.ts";

async function tcpPair(hostname: string): Promise<TransportPair> {
  const listener = await linuxNetwork.listen({ hostname, port: 0, backlog: 1 });
  const { port } = listener.addr as Deno.NetAddr;
  try {
    const [near, far] = await Promise.all([
      linuxNetwork.connect({ hostname, port, resetOnAbort: true }),
      listener.accept(),
    ]);
    return { near, far };
  } finally {
    listener.close();
  }
}

async function localPair(path: string): Promise<TransportPair> {
  const listener = await linuxNetwork.listenPath!({ path });
  try {
    const [near, far] = await Promise.all([
      linuxNetwork.connectPath!({ path }),
      listener.accept(),
    ]);
    return { near, far };
  } finally {
    listener.close();
  }
}

checkTransport(() => tcpPair("127.0.0.1"), {
  name: "TCP of the engine for Linux: ",
  reset: true,
  canTry: true,
  test: linuxTest,
});

let folder: string;
checkTransport(() => localPair(`${folder}/socket`), {
  name: "local sockets of the engine for Linux: ",
  canTry: true,
  test: linuxTest,
  around: (body) =>
    inFolder(async (name) => {
      folder = name;
      await body();
    }),
});

let names = 0;
checkTransport(() => localPair(`\0socket-test-${Deno.pid}-${names++}`), {
  name: "abstract sockets of the engine for Linux: ",
  canTry: true,
  test: linuxTest,
});

const authority = await Authority.make("Tests");
const localhost = await authority.sign();

checkTransport(async () => {
  const { near, far } = await tcpPair("127.0.0.1");
  const { client, server } = await shakeHands([near, far], localhost, {
    caCerts: [authority.cert],
  });
  if (client instanceof Error) throw client;
  if (server instanceof Error) throw server;
  return { near: client, far: server };
}, { name: "TLS over TCP of the engine for Linux: ", test: linuxTest });
