// A thousand conversations on Deno's network and on the engine for Linux, over TCP and local sockets: the books of both
// ends must be the same.
//
//   deno task differential                1,000 seeds
//   deno task differential 50 7000        50 seeds from 7000 on

import { linuxNetwork, linuxNetworkProblem } from "../linux/mod.ts";
import { denoNetwork } from "../mod.ts";
import { conversation } from "../tests/support/differential.ts";

const [count = "1000", first = "0"] = Deno.args;
const problem = linuxNetworkProblem();
if (problem !== undefined) {
  console.error(problem);
  Deno.exit(2);
}
const folder = await Deno.makeTempDir();
let differences = 0;
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  for (const place of [{}, { path: `${folder}/socket` }]) {
    const [ours, theirs] = [
      await conversation(linuxNetwork, seed, place),
      await conversation(denoNetwork, seed, place),
    ];
    if (ours.join("\n") === theirs.join("\n")) continue;
    differences++;
    const at = theirs.findIndex((line, i) => line !== ours[i]);
    console.log(`seed ${seed}, ${"path" in place ? "local socket" : "TCP"}, line ${at}:`);
    console.log(`  linuxNetwork: ${ours[at]}\n  denoNetwork:  ${theirs[at]}`);
  }
}
await Deno.remove(folder, { recursive: true });
console.log(`${count} seeds from ${first}: ${differences} differences`);
Deno.exit(differences === 0 ? 0 : 1);
