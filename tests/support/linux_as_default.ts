// Stands in the place of src/network/deno/deno_network.ts for whoever imports by linux_imports.json: what takes Deno's
// network by default takes the engine for Linux.

export {
  datagramTurnsOf,
  nodeNetwork,
  turnsOf,
  versionProblem,
} from "../../src/network/deno/deno_network.ts";
export { linuxNetwork as denoNetwork } from "../../src/network/linux/linux_network.ts";
