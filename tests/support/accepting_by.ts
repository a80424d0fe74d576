// Deno's network with another accept.

import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import type { Network, Transport } from "../../src/network/network.ts";

/** @param accept Accepts; gets the accept of Deno's own listener. */
export function acceptingBy(
  accept: (inner: () => Promise<Transport>) => Promise<Transport>,
): Network {
  return {
    ...denoNetwork,
    async listen(target) {
      const listener = await denoNetwork.listen(target);
      return {
        addr: listener.addr,
        accept: () => accept(() => listener.accept()),
        close: () => listener.close(),
      };
    },
  };
}
