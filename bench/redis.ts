// How fast examples/redis_server.ts answers redis-benchmark, beside a real redis-server in the same run.
//
//   deno task bench:redis             SET, GET and INCR; one command at a time, then sixteen at once
//
// Needs redis-server and redis-benchmark (Debian: redis-server, redis-tools). What counts is the ratio.
import { median } from "./figures.ts";
import { findTool, lookAtMachine, wrapped } from "./machine.ts";
import { readOptions, wholeNumber } from "./options.ts";

const options = readOptions({ rounds: "5", seconds: "1" });
const rounds = wholeNumber(options.rounds);
const COMMANDS = ["SET", "GET", "INCR"];

for (const tool of ["redis-server", "redis-benchmark"]) {
  if (await findTool(tool) !== undefined) continue;
  console.error(`${tool} is not installed (Debian: redis-server, redis-tools)`);
  Deno.exit(1);
}

const machine = await lookAtMachine();

function start(command: readonly string[]): Deno.ChildProcess {
  const [program, ...args] = wrapped(command, machine.cores?.server);
  return new Deno.Command(program!, { args, stdin: "null", stdout: "piped", stderr: "null" })
    .spawn();
}

/** Waits for the line that says that a server is ready. */
async function lineOf(server: Deno.ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of server.stdout) {
    text += decoder.decode(chunk, { stream: true });
    const match = pattern.exec(text);
    if (match !== null) return match;
  }
  throw new Error(`The server has ended: ${text}`);
}

/** Requests per second for each command. */
async function measure(port: number, pipeline: number): Promise<number[]> {
  const requests = 20_000 * wholeNumber(options.seconds) * (pipeline > 1 ? 5 : 1);
  const [program, ...args] = wrapped([
    "redis-benchmark",
    ..."-h 127.0.0.1 -q -c 50 -r 10000 --csv".split(" "),
    ...["-p", port, "-P", pipeline, "-n", requests, "-t", COMMANDS.join().toLowerCase()].map(
      String,
    ),
  ], machine.cores?.load);
  const { stdout } = await new Deno.Command(program!, { args, stderr: "null" }).output();
  const csv = new TextDecoder().decode(stdout);
  return COMMANDS.map((name) => Number(new RegExp(`^"${name}","([\\d.]+)"`, "m").exec(csv)?.[1]));
}

const example = new URL("../examples/redis_server.ts", import.meta.url).pathname;
const ours = start([Deno.execPath(), "run", "--quiet", "--allow-net=127.0.0.1", example, "0"]);
const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const theirPort = free.addr.port;
free.close();
const theirs = start([
  "redis-server",
  ...`--bind 127.0.0.1 --port ${theirPort} --appendonly no --daemonize no --save`.split(" "),
  "",
]);
try {
  const ourPort = Number((await lineOf(ours, /:(\d+)\n/))[1]);
  await lineOf(theirs, /Ready to accept connections/);
  console.log(`${machine.description}; Deno ${Deno.version.deno}; ${rounds} rounds\n`);
  console.log("command, at once      examples/redis_server   redis-server   ratio");
  for (const pipeline of [1, 16]) {
    await measure(ourPort, pipeline); // warm
    const samples: { ours: number[]; theirs: number[] }[] = [];
    for (let round = 0; round < rounds; round++) {
      samples.push({
        ours: await measure(ourPort, pipeline),
        theirs: await measure(theirPort, pipeline),
      });
    }
    for (const [i, name] of COMMANDS.entries()) {
      const [mine, real] = [
        median(samples.map(({ ours }) => ours[i]!)),
        median(samples.map(({ theirs }) => theirs[i]!)),
      ];
      const cells = [`${mine.toFixed(0)}/s`.padStart(20), `${real.toFixed(0)}/s`.padStart(15)];
      const ratio = median(samples.map(({ ours, theirs }) => ours[i]! / theirs[i]!));
      console.log(
        `${`${name}, ${pipeline}`.padEnd(22)}${cells.join("")}${ratio.toFixed(2).padStart(10)}`,
      );
    }
  }
} finally {
  ours.kill("SIGKILL");
  theirs.kill("SIGKILL");
  await Promise.all([
    ours.status,
    theirs.status,
    ours.stdout.cancel().catch(() => {}),
    theirs.stdout.cancel().catch(() => {}),
  ]);
}
