// Sends a datagram to the echo of udp_echo.ts and prints what comes back.
// Run: deno run --allow-net=127.0.0.1 examples/udp_client.ts [PORT]

import { ReadTimedOutError, UdpClient } from "../mod.ts";
import { printable } from "./printable.ts";

const port = Number(Deno.args[0] ?? 48826);
await using socket = new UdpClient({ host: "127.0.0.1", port: 0 });

const count = await socket.sendTo("Hello from UDP client", { host: "127.0.0.1", port });
console.log(`Sent: ${count} bytes`);

try {
  // A datagram may be lost without notice: wait for the answer, but not for ever.
  const [bytes, length, from] = await socket.receiveFrom(undefined, { timeoutInMillis: 2_000 });
  console.log(`Received: ${printable(new TextDecoder().decode(bytes))}`);
  console.log(`${length} bytes from ${from.host}:${from.port}`);
} catch (error) {
  if (!(error instanceof ReadTimedOutError)) throw error;
  console.error("No answer: is udp_echo.ts running?");
  Deno.exitCode = 1;
}
