// A proxy: connects clients of HTTP's CONNECT to one port of this machine, and to nothing else.
// Run: deno run --allow-net=127.0.0.1 examples/connect_proxy.ts TARGET_PORT [PORT]

import { type Caller, Client, Listener, relay } from "../mod.ts";

const targetPort = Number(Deno.args[0]);
const port = Number(Deno.args[1] ?? 61622);
// A proxy without such a list lets anybody reach whatever its machine can reach.
const allowed = [`127.0.0.1:${targetPort}`, `localhost:${targetPort}`];
const LONGEST_LINE = 2_048;
const MOST_LINES = 100;

/** Reads a request. Gives what is asked for, nothing where it is no request for a connection. */
async function readRequest(caller: Caller): Promise<string | undefined> {
  const line = await caller.readLine({ limit: LONGEST_LINE });
  const target = /^CONNECT (\S+) HTTP\/1\.[01]$/.exec(line ?? "")?.[1];
  for (let i = 0; target !== undefined && i < MOST_LINES; i++) {
    if (await caller.readLine({ limit: LONGEST_LINE }) === "") return target;
  }
  return undefined;
}

async function serve(caller: Caller): Promise<void> {
  const refuse = (status: string) =>
    caller.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  const asked = await readRequest(caller).catch(() => undefined);
  if (asked === undefined) return void await refuse("400 Bad Request");
  if (!allowed.includes(asked.toLowerCase())) return void await refuse("403 Not Allowed Here");
  // "using": the caller may be gone before it is told.
  await using target = await Client.connect({
    host: "127.0.0.1",
    port: targetPort,
    connectTimeoutInMillis: 5_000,
  }).catch(() => undefined);
  if (target === undefined) return void await refuse("502 Nobody Answers There");
  await caller.write("HTTP/1.1 200 Connected\r\n\r\n");
  const { there, back } = await relay(caller, target, { idleTimeoutInMillis: 600_000 });
  console.log(`${there} bytes there, ${back} back`);
}

const listener = new Listener(port, {
  interface: "127.0.0.1",
  maxConnections: 1_000,
  maxConnectionsPerAddress: 100,
  // A request is short: whoever takes longer, or sends a byte now and then, wants something else.
  readTimeoutInMillis: 10_000,
  minBytesPerSecond: 100,
});
await listener.serve(serve, { onError: (_caller, error) => console.error(error.message) });
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
