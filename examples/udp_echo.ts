// Sends every datagram back to where it came from; ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/udp_echo.ts [PORT]

import { UdpListener } from "../mod.ts";

const port = Number(Deno.args[0] ?? 48826);
/** A peer that sends more a second is probably an echo, too; of two that answer each other, one has to stop. */
const MOST_PER_SECOND = 1_000;
let second = 0;
const counts = new Map<string, number>();

function isTooMuch(sender: string): boolean {
  const now = Math.floor(performance.now() / 1_000);
  if (now !== second) counts.clear();
  second = now;
  const count = (counts.get(sender) ?? 0) + 1;
  counts.set(sender, count);
  return count > MOST_PER_SECOND || counts.size > MOST_PER_SECOND;
}

const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({
  onDatagram(_, { data, remoteHost, remotePort }) {
    if (isTooMuch(`${remoteHost}:${remotePort}`)) return undefined;
    console.log(`${data.length} bytes from ${remoteHost}:${remotePort}`);
    return data;
  },
});
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
