// Sends everything back, and prints one line of JSON for each connection that is over or was refused.
// Run: deno run --allow-net=127.0.0.1 examples/connection_log.ts [PORT]

import { Listener } from "../mod.ts";

const port = Number(Deno.args[0] ?? 61630);

const listener = new Listener(port, {
  interface: "127.0.0.1",
  onEvent(event) {
    if (event.kind !== "ended" && event.kind !== "refused") return;
    const error = event.error?.message;
    console.log(JSON.stringify({ time: new Date().toISOString(), ...event, error }));
  },
});

listener.attach({ onBytes: (_caller, bytes) => bytes });

await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
