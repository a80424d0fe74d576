// Runs all tests several times, each time in an order of its own, and holds src/ to the coverage that
// deno.json asks for.
//
//   deno run --allow-read --allow-run tools/test_rounds.ts ROUNDS
//
// A test that passes only after another one is found sooner or later; the seed that is printed brings the
// same order back.

const COVERAGE = "coverage";
const root = new URL("../", import.meta.url);

async function passes(...args: string[]): Promise<boolean> {
  return (await new Deno.Command(Deno.execPath(), { args, cwd: root }).spawn().status).success;
}

const rounds = Number(Deno.args[0]);
for (let round = 1; round <= rounds; round++) {
  const order = `--shuffle=${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  console.log(`\nRound ${round} of ${rounds}: ${order}`);
  const measured = round < rounds
    ? []
    : [`--coverage=${COVERAGE}`, "--clean", "--coverage-raw-data-only"];
  if (!await passes("task", "--quiet", "test", order, ...measured)) {
    console.error(`\nThe same order again: deno task test ${order}`);
    Deno.exit(1);
  }
}

const rooms = `^${RegExp.escape(new URL("src/", root).href)}`;
if (!await passes("coverage", "--quiet", `--include=${rooms}`, COVERAGE)) Deno.exit(1);
