// Every figure of docs/scale.md: what several processes cost and lose, and what a cluster is computed from.
//
//   deno task scale                                  all of it, under ten minutes on a machine with nothing else to do
//   deno task scale --parts=cores --rounds=5 --millis=3000 --only=UDP
//   deno task scale --parts=restarts --runs=5 --only=overlapping
//   deno task scale --parts=units                    with what is computed from them
import { lookAtMachine } from "./machine.ts";
import { listOf, readOptions, wholeNumber } from "./options.ts";
import { measureCores } from "./scale/cores.ts";
import { printPaper } from "./scale/paper.ts";
import { measureRestarts } from "./scale/restarts.ts";
import { measureUnits } from "./scale/units.ts";

const options = readOptions({
  parts: "cores,restarts,units",
  rounds: "3",
  millis: "2000",
  runs: "20",
  only: "",
});
const machine = await lookAtMachine();
const only = listOf(options.only);
const parts: Record<string, () => Promise<void>> = {
  cores: () =>
    measureCores(machine, wholeNumber(options.rounds), wholeNumber(options.millis), only),
  restarts: () => measureRestarts(wholeNumber(options.runs), only),
  async units() {
    const units = await measureUnits();
    if (units !== undefined) printPaper(units);
  },
};

console.log(`${machine.description}; Deno ${Deno.version.deno}`);
for (const name of listOf(options.parts)) {
  const part = parts[name];
  if (part === undefined) {
    throw new RangeError(`There is no such part: ${name}. Known: ${Object.keys(parts).join(", ")}`);
  }
  await part();
}
Deno.exit();
