// Stands in the place of src/network/deno/deno_network.ts for whoever imports by linux_imports.json: what takes Deno's
// network by default takes the engine for Linux.

import { denoNetwork as ownNetwork } from "../../src/network/deno/deno_network.ts";
import type { Network } from "../../src/network/network.ts";
import { linuxNetwork } from "../../src/network/linux/linux_network.ts";

export { nodeNetwork, turnsOf, versionProblem } from "../../src/network/deno/deno_network.ts";

/** The engine for Linux. */
export const denoNetwork: Network = {
  ...linuxNetwork,
  listenDatagram: ownNetwork.listenDatagram,
};
