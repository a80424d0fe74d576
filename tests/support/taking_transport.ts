// A transport whose writes complete when the test says so.

import type { Transport } from "../../src/network/network.ts";

/** Its writes, in order: their lengths, and functions that say how many bytes are taken, or reject. */
export function takingTransport() {
  const offered: number[] = [];
  const takes: ((count: number | Promise<never>) => void)[] = [];
  const transport = {
    write: ({ length }: Uint8Array) => {
      offered.push(length);
      return new Promise<number>((resolve) => takes.push(resolve));
    },
  } as unknown as Transport;
  return { transport, offered, takes };
}
