// An echo on a port or a descriptor that others have, too: says when it listens, and how much it has done at its end.
//
//   restarted.ts deno|linux inherited|PORT
import { Listener } from "../../mod.ts";

const [engine, where] = Deno.args;
const network = engine === "linux"
  ? { network: (await import("../../linux/mod.ts")).linuxNetwork }
  : {};
const listener = where === "inherited"
  ? new Listener(0, { inherited: 3, ...network })
  : new Listener(Number(where), { interface: "127.0.0.1", reusePort: true, ...network });
let messages = 0;
listener.attach({
  onBytes(_caller, bytes) {
    messages++;
    return bytes;
  },
});
await listener.start();
Deno.addSignalListener("SIGTERM", () => void listener.gracefulStop());
// Last: whoever reads it may send a signal at once.
console.log(JSON.stringify({ pid: Deno.pid, port: listener.port }));
await listener.closed;
console.log(JSON.stringify({ messages }));
Deno.exit();
