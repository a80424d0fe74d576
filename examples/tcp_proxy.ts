// Passes every connection on to a port of this machine, in both directions, at the pace of the slower side.
// Run: deno run --allow-net=127.0.0.1 examples/tcp_proxy.ts TARGET_PORT [PORT]

import { Client, Listener, relay } from "../mod.ts";

const targetPort = Number(Deno.args[0]);
const port = Number(Deno.args[1] ?? 61600);
// A connection may be silent for long, but not for ever: a machine that was switched off sends no end.
const options = { idleTimeoutInMillis: 3_600_000 };

await using listener = new Listener(port, { interface: "127.0.0.1" });
await listener.serve(async (caller) => {
  const target = await Client.connect({ host: "127.0.0.1", port: targetPort });
  const { there, back, end } = await relay(caller, target, options);
  const why = end.error?.message ?? `ended by ${end.by}`;
  console.log(`${there} bytes there, ${back} back: ${why}`);
}, { onError: (_caller, error) => console.error(error.message) });
if (listener.port === targetPort) throw new Error("This would be passed on to itself for ever");
// What a client has asked is answered first.
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
