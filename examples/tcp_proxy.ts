// Passes every connection on to a port of this machine, in both directions, at the pace of the slower side.
// Run: deno run --allow-net=127.0.0.1 examples/tcp_proxy.ts TARGET_PORT [PORT]

import { Client, type Connection, Listener } from "https://deno.land/x/socket@v0.1.0/mod.ts";

const targetPort = Number(Deno.args[0]);
const port = Number(Deno.args[1] ?? 61600);
// A connection may be silent for long, but not for ever: a machine that was switched off sends no end.
const config = { readTimeoutInMillis: Infinity, idleTimeoutInMillis: 3_600_000 };

/** Passes on what one side sends, at the pace of the other, and then its end. The way back stays open. */
async function pass(from: Connection, to: Connection): Promise<void> {
  for await (const bytes of from) await to.write(bytes);
  await to.shutdownWrite();
}

async function relay(caller: Connection): Promise<void> {
  let target: Connection | undefined;
  try {
    target = await Client.connect({ host: "127.0.0.1", port: targetPort, ...config });
    await Promise.all([pass(caller, target), pass(target, caller)]);
    console.log(`${caller.bytesRead} bytes there, ${caller.bytesWritten} back`);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}`);
    // An error on one side ends both.
    target?.abort(error);
    caller.abort(error);
  }
}

await using listener = new Listener(port, { interface: "127.0.0.1", ...config });
await listener.start();
if (listener.port === targetPort) throw new Error("This would be passed on to itself for ever");
console.log(`Listening on ${listener.address}:${listener.port}`);

Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
for await (const caller of listener) void relay(caller);
