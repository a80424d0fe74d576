// Sends every datagram back to where it came from; ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/udp_echo.ts [PORT]

import { UdpClient } from "https://deno.land/x/socket@v0.1.0/mod.ts";

const port = Number(Deno.args[0] ?? 48826);
await using socket = new UdpClient({ host: "127.0.0.1", port });
const bound = await socket.bound;
console.log(`Listening on ${bound.host}:${bound.port}`);

Deno.addSignalListener("SIGINT", () => socket.close());

for await (const { data, remoteHost, remotePort } of socket) {
  console.log(`${data.length} bytes from ${remoteHost}:${remotePort}`);
  await socket.sendTo(data, { host: remoteHost, port: remotePort });
}
