// Listens on a port that it shares: start it as often as there are cores, and the system spreads the connections.
// Run: deno run --allow-net=127.0.0.1 examples/shared_port.ts [PORT]

import { Listener } from "../mod.ts";

const port = Number(Deno.args[0] ?? 61598);
const listener = new Listener(port, { interface: "127.0.0.1", reusePort: true });

listener.attach({ onBytes: (_caller, bytes) => [`${Deno.pid}: `, bytes] });
await listener.start();
// What has arrived is still served; what comes then goes to the other processes.
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
