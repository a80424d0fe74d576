// A datagram socket that needs no promise to receive, and says at once each time that it can be read.

import type { DatagramSocket } from "../../src/network/network.ts";

const from = { transport: "udp", hostname: "127.0.0.1", port: 9 } as const;

/** @param receive Puts the next datagram into the buffer, and gives its length; `undefined` where there is none. */
export function triedSocket(
  receive: (buffer: Uint8Array<ArrayBuffer>) => number | undefined,
): DatagramSocket {
  return {
    addr: { transport: "udp", hostname: "127.0.0.1", port: 1 },
    receive: () => new Promise(() => {}),
    send: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    close() {},
    whenReadable: (callback: () => void) => queueMicrotask(callback),
    tryReceive(buffer: Uint8Array<ArrayBuffer>) {
      const length = receive(buffer);
      return length === undefined ? undefined : [buffer.subarray(0, length), from];
    },
  };
}
