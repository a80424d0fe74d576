// An echo that prints when the system refuses it a descriptor.

import type { Network } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { listening } from "./listening.ts";

const network: Network = {
  ...denoNetwork,
  async listen(target) {
    const listener = await denoNetwork.listen(target);
    return {
      addr: listener.addr,
      close: () => listener.close(),
      accept: () =>
        listener.accept().catch((error) => {
          console.log(`Refused: ${error.code}`);
          throw error;
        }),
    };
  },
};

const listener = await listening({
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length > 0) await caller.write(bytes);
  },
}, { network });
console.log(`Listening on ${listener.address}:${listener.port}`);
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
