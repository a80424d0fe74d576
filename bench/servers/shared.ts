// One of several processes that echo on a port that they share: answers an empty line by how much it has done.
//
//   shared.ts streams|datagrams deno|linux PORT
import { Listener, UdpListener } from "../../mod.ts";

const [what, engine, port] = Deno.args;
const network = engine === "linux"
  ? { network: (await import("../../linux/mod.ts")).linuxNetwork }
  : {};
const config = { interface: "127.0.0.1", reusePort: true, ...network };
let messages = 0;
function echo(_from: unknown, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  messages++;
  return bytes;
}

/** Listens, and gives the port and a way to count who came. */
async function listen(): Promise<{ port: number; clients: () => number }> {
  if (what === "datagrams") {
    const ports = new Set<number>();
    // Of each client one datagram may wait.
    const listener = new UdpListener(Number(port), { ...config, receiveBufferSize: 212_992 });
    listener.attach({
      onBytes(caller, bytes) {
        ports.add(caller.remotePort);
        return echo(caller, bytes);
      },
    });
    await listener.start();
    return { port: listener.port, clients: () => ports.size };
  }
  const listener = new Listener(Number(port), config);
  listener.attach({ onBytes: echo });
  await listener.start();
  return { port: listener.port, clients: () => listener.stats().accepted };
}

const { clients, ...bound } = await listen();
console.log(JSON.stringify(bound));
const line = new Uint8Array(64);
while (await Deno.stdin.read(line) !== null) {
  console.log(JSON.stringify({ messages, clients: clients() }));
}
Deno.exit();
