// How a server in Deno talks with the bench: it prints its port, prints its memory for each line that it gets, and
// ends when its input ends. Nothing of node: is loaded into what is measured.

/** Begins to answer the bench. */
export function ready(port: number): void {
  say({ port });
  void answer();
}

async function answer(): Promise<void> {
  const line = new Uint8Array(64);
  while (await Deno.stdin.read(line) !== null) {
    // Buffers are freed in the background of a collection: the second one finds them gone.
    for (let i = 0; i < 2; i++) {
      (globalThis as { gc?: () => void }).gc?.();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { rss, heapUsed, external } = Deno.memoryUsage();
    say({ rss, heapUsed, external });
  }
  Deno.exit(0);
}

function say(message: Record<string, number>): void {
  console.log(JSON.stringify(message));
}
