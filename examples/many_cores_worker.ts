// One process of examples/many_cores.ts: an echo, which says when it is ready and, at its end, what it has done.

import { Listener } from "../mod.ts";

const listener = new Listener(Number(Deno.args[0]), { interface: "127.0.0.1", reusePort: true });
let messages = 0;
listener.attach({
  onBytes(_caller, bytes) {
    messages++;
    return bytes;
  },
});
await listener.start();

Deno.addSignalListener("SIGTERM", () => listener.gracefulStop({ deadlineInMillis: 5_000 }));
// Ctrl+C reaches all processes of a terminal: the first one ends the others.
Deno.addSignalListener("SIGINT", () => {});
// Last: whoever reads it may send a signal at once.
console.log(JSON.stringify({ port: listener.port }));
await listener.closed;
console.log(JSON.stringify({ messages, accepted: listener.stats().accepted }));
Deno.exit();
