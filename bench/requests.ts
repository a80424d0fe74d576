// What a pipelined request costs a client of redis-server: `Requests` beside the bare loop over `framed`, and beside
// the clients of npm, with auto-pipelining. SET and GET of 64 bytes in turn, a hundred at once.
//
//   deno task bench:requests             five rounds of 200,000 requests
//
// Needs redis-server (Debian: redis-server). What counts is the ratio of the processor time.
import { median } from "./figures.ts";
import { findTool, lookAtMachine } from "./machine.ts";
import { readOptions, wholeNumber } from "./options.ts";
import { Program } from "./process.ts";

const options = readOptions({ rounds: "5", requests: "200000" });
const rounds = wholeNumber(options.rounds);
const CONTESTANTS = ["framed", "requests", "ioredis", "iovalkey"] as const;

if (await findTool("redis-server") === undefined) {
  console.error("redis-server is not installed (Debian: redis-server)");
  Deno.exit(1);
}
const machine = await lookAtMachine();
const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const { port } = free.addr;
free.close();

interface Cost {
  readonly cpu: number;
  readonly perSecond: number;
}

async function measure(contestant: string): Promise<Cost> {
  const program = new URL("./load/requests.ts", import.meta.url).pathname;
  await using run = new Program({
    command: [
      ...[Deno.execPath(), "run", "--quiet", "--no-lock", "--allow-all", program],
      ...[contestant, String(port), options.requests],
    ],
    core: machine.cores?.load,
    env: {},
    deadlineInMillis: 120_000,
  });
  return await run.nextLine() as Cost;
}

await using _server = new Program({
  command: [
    "redis-server",
    ..."--bind 127.0.0.1 --appendonly no --daemonize no".split(" "),
    "--port",
    String(port),
    "--save",
    "",
  ],
  core: machine.cores?.server,
  env: {},
  deadlineInMillis: 1_800_000,
});
console.log(`${machine.description}; Deno ${Deno.version.deno}; ${rounds} rounds\n`);
const costs = new Map<string, Cost[]>(CONTESTANTS.map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  // In an order that turns.
  for (const [i] of CONTESTANTS.entries()) {
    const name = CONTESTANTS[(i + round) % CONTESTANTS.length]!;
    costs.get(name)!.push(await measure(name));
  }
}
console.log("client      CPU a request   requests a second   CPU beside framed");
for (const [name, all] of costs) {
  const ratio = median(all.map(({ cpu }, i) => cpu / costs.get("framed")![i]!.cpu));
  const cells = [
    `${median(all.map(({ cpu }) => cpu)).toFixed(2)} us`.padStart(13),
    median(all.map(({ perSecond }) => perSecond)).toFixed(0).padStart(20),
    ratio.toFixed(2).padStart(20),
  ];
  console.log(`${name.padEnd(12)}${cells.join("")}`);
}
