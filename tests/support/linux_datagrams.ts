// Datagram sockets of the engine for Linux, below everything else.

import { linuxNetwork } from "../../linux/mod.ts";
import type { DatagramSocket } from "../../src/network/network.ts";
import { bytesOf, text } from "./text.ts";

/** The address that they have. */
export const HERE = "127.0.0.1";

/** A socket of the engine, freed at the end. */
export async function bound(hostname = HERE, port = 0, reusePort = false) {
  const socket = await linuxNetwork.listenDatagram({ hostname, port, reusePort });
  return {
    socket,
    /** Receives so many, with a promise each. */
    async texts(count: number): Promise<string[]> {
      const got: string[] = [];
      const buffer = new Uint8Array(65_536);
      while (got.length < count) got.push(text((await socket.receive(buffer))[0]));
      return got;
    },
    [Symbol.dispose]: () => void socket.close(),
  };
}

/** Sends with one call. */
export function sendAll(
  from: DatagramSocket,
  to: DatagramSocket,
  contents: readonly string[],
): number {
  const datagrams = contents.map((content) => ({ bytes: bytesOf(content), target: to.addr }));
  return from.trySendAll!(datagrams, 0);
}

/** Waits until something may have come. */
export function until(socket: DatagramSocket): Promise<void> {
  return new Promise((resolve) => socket.whenReadable!(resolve));
}
