// Answers every message with the same message and " back"; ends politely on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/tcp_listener.ts [PORT]

import { Listener } from "../mod.ts";

const port = Number(Deno.args[0] ?? 61598);
const listener = new Listener(port, { interface: "127.0.0.1" });

listener.attach({
  onConnect(caller) {
    console.log(`Client ${caller.id} joined`);
  },
  // What it returns is sent, together; unchanged: a piece may begin or end within a letter.
  onBytes: (_caller, bytes) => [bytes, " back"],
  onError(caller, error) {
    console.error(`Client ${caller.id} failed: ${error.message}`);
  },
  onClose(caller) {
    console.log(`Client ${caller.id} left`);
  },
});

await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
