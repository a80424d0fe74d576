// Sends every datagram back to where it came from; ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/udp_echo.ts [PORT]

import { UdpListener } from "https://deno.land/x/socket@v0.1.0/mod.ts";

const port = Number(Deno.args[0] ?? 48826);
const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({
  onDatagram({ data, remoteHost, remotePort }) {
    console.log(`${data.length} bytes from ${remoteHost}:${remotePort}`);
    return data;
  },
});
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
