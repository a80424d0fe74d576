// Starts many listeners at each given path, all at once, and prints how many of them got it.
//
//   deno run -A tests/support/path_starters.ts COUNT
//
// Each line of its input is a path; "." stops those that got the last one.

import { GenericError, Listener } from "../../mod.ts";

const count = Number(Deno.args[0]);
let running: Listener[] = [];

async function startAll(path: string): Promise<Listener[]> {
  const listeners = Array.from({ length: count }, () => new Listener(0, { path }));
  const outcomes = await Promise.allSettled(listeners.map((listener) => listener.start()));
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") continue;
    const { reason } = outcome;
    if (!(reason instanceof GenericError) || reason.code !== "in-use") throw reason;
  }
  return listeners.filter((_, i) => outcomes[i]!.status === "fulfilled");
}

console.log("ready");
let text = "";
for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  text += chunk;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    if (line === ".") {
      await Promise.all(running.map((listener) => listener.immediateStop()));
      console.log("stopped");
    } else {
      running = await startAll(line);
      console.log(`won ${running.length}`);
    }
  }
}
