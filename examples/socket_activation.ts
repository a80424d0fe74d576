// Listens on the socket that systemd keeps for it, so that a restart refuses nobody; without systemd it binds a port.
// Run: deno run --allow-net=127.0.0.1 --allow-env=LISTEN_FDS,LISTEN_PID,LISTEN_FDNAMES examples/socket_activation.ts [PORT]

import { Listener } from "../mod.ts";

const port = Number(Deno.args[0] ?? 61598);
const listener = new Listener(port, { interface: "127.0.0.1", inherited: "auto" });

listener.attach({ onBytes: (_caller, bytes) => bytes });
await listener.start();
// What was accepted is still served; what comes then waits in systemd's socket for the next process.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => listener.gracefulStop());
}
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
