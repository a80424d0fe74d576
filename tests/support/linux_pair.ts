// Two connected streams of the engine for Linux.

import { linuxNetwork } from "../../linux/mod.ts";
import type { Transport } from "../../src/network/network.ts";

/** Connects two over TCP on loopback. */
export async function linuxPair(): Promise<[client: Transport, server: Transport]> {
  const listener = await linuxNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
  try {
    const { port } = listener.addr as Deno.NetAddr;
    return await Promise.all([
      linuxNetwork.connect({ hostname: "127.0.0.1", port, resetOnAbort: true }),
      listener.accept(),
    ]);
  } finally {
    listener.close();
  }
}

/** Connects two by a local socket without a file. */
export async function linuxLocalPair(): Promise<[client: Transport, server: Transport]> {
  const path = `\0socket-test-${crypto.randomUUID()}`;
  const listener = await linuxNetwork.listenPath!({ path });
  try {
    return await Promise.all([linuxNetwork.connectPath!({ path }), listener.accept()]);
  } finally {
    listener.close();
  }
}

/** Waits until `tryRead` may have something to tell. */
export function readable(transport: Transport): Promise<void> {
  return new Promise((resolve) => transport.whenReadable!(resolve));
}
