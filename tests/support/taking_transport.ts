// A transport that takes what is written to it when the test says so.

import type { Transport } from "../../src/network/network.ts";

/** Its writes, in order: how long each was, and what says how many bytes of it are taken, or that it fails. */
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
