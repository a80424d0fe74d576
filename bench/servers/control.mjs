// The same for what Node and Bun can run: a port, the memory for each line, and an end.
import process from "node:process";

/**
 * Begins to answer the bench.
 * @param {number} port The port that the system chose.
 */
export function ready(port) {
  say({ port });
  process.stdin.on("data", async () => {
    // Buffers are freed in the background of a collection: the second one finds them gone.
    for (let i = 0; i < 2; i++) {
      if (globalThis.Bun !== undefined) globalThis.Bun.gc(true);
      else globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    say({ rss, heapUsed, external });
  });
  process.stdin.on("end", () => process.exit(0));
}

function say(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}
