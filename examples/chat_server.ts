// A chat for everybody with `nc 127.0.0.1 61599`: numbers each line and sends it to all.
// Run: deno run --allow-net=127.0.0.1 examples/chat_server.ts [PORT]

import { Listener } from "https://deno.land/x/socket@v0.1.0/mod.ts";

const LONGEST_LINE = 1_000;
const MOST_QUEUED_BYTES = 64 * 1024;

const port = Number(Deno.args[0] ?? 61599);
const listener = new Listener(port, { interface: "127.0.0.1" });
let number = 0;

function sayToAll(text: string): void {
  const line = `${++number} ${text}\n`;
  for (const caller of listener.connections) {
    // Nobody waits for a guest who does not read: the line is not for them.
    if (caller.queuedBytes < MOST_QUEUED_BYTES) void caller.write(line);
  }
}

// A function instead of a service: each guest gets a service of their own, with its own state.
listener.attach((caller) => {
  const name = `guest ${caller.id}`;
  const decoder = new TextDecoder();
  let unfinished = "";
  return {
    onConnect() {
      sayToAll(`${name} has come`);
    },
    async onReadReady() {
      const [bytes, length] = await caller.read();
      if (length < 0) return;
      const lines = (unfinished + decoder.decode(bytes, { stream: true })).split("\n");
      unfinished = lines.pop() ?? "";
      for (const line of lines) sayToAll(`${name}: ${line}`);
      if (unfinished.length > LONGEST_LINE) caller.abort("a line without an end");
    },
    onError(_caller, error) {
      console.error(`${name}: ${error.message}`);
    },
    onClose() {
      sayToAll(`${name} has left`);
    },
  };
});

await listener.start();
console.log(`Listening on ${listener.address}:${listener.port}`);

Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
await listener.closed;
