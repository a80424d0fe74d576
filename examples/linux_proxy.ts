// Passes connections on to a port of this machine, by the engine for Linux, for much less of the processor.
// Run: deno run --allow-net=127.0.0.1 --allow-ffi examples/linux_proxy.ts TARGET_PORT [PORT]

import { linuxNetwork } from "../linux/mod.ts";
import { Client, Listener, relay } from "../mod.ts";

const targetPort = Number(Deno.args[0]);
const port = Number(Deno.args[1] ?? 61602);
// The one difference to a proxy on Deno's own sockets, on both of its sides.
const network = linuxNetwork;

await using listener = new Listener(port, { interface: "127.0.0.1", network });
await listener.serve(async (caller) => {
  const target = await Client.connect({ host: "127.0.0.1", port: targetPort, network });
  const { there, back, end } = await relay(caller, target, { idleTimeoutInMillis: 3_600_000 });
  console.log(`${there} bytes there, ${back} back: ${end.error?.message ?? `ended by ${end.by}`}`);
}, { onError: (_caller, error) => console.error(error.message) });
if (listener.port === targetPort) throw new Error("This would be passed on to itself for ever");
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
